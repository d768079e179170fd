/** `midrun chat`: talks to a model, a finished job, or a checkpoint of a job that is still training. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Option } from "commander";
import type { MidrunClient } from "../../client/client.ts";
import type { InferArgs, InferTarget } from "../../client/infer.ts";
import { readDeltas } from "../../client/read.ts";
import { isMidrunError, MidrunError } from "../../errors.ts";
import type { ChatMessage, ResponseFormat } from "../../protocol/chat.ts";
import { defineCommand } from "../command.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption, notNegative, positiveInteger } from "../options.ts";
import { formatError } from "../report-error.ts";
import { formatJson } from "../table.ts";

export interface ChatOptions extends JsonOption {
  /** One prompt; without it they are typed, or read from a pipe. */
  message?: string;
  system?: string;
  maxTokens?: number;
  temperature?: number;
  /** A file with the JSON schema that the answer must meet. */
  jsonSchema?: string;
}

export const chatCommand = defineCommand<ChatOptions, [target: string]>({
  name: "chat",
  description: "talk to a model, a job or a checkpoint, also while it trains",
  arguments: [{ name: "<target>", description: "a model, a job's id, or job@step" }],
  options: [
    new Option("-m, --message <text>", "one prompt, instead of typing or standard input"),
    new Option("--system <text>", "what the model is told first"),
    new Option("--max-tokens <count>", "most tokens of an answer").argParser(positiveInteger),
    new Option("--temperature <number>", "0 always takes the likeliest token").argParser(notNegative),
    new Option("--json-schema <file>", "answer with JSON that meets the schema in this file"),
    jsonOption("the chat completion as JSON"),
  ],
  examples: [
    "chat midrun/nano",
    'chat job_0123@100 -m "I cannot log in." --temperature 0',
    "chat midrun/nano --json-schema ticket.schema.json < ticket.txt",
  ],
  run: chat,
});

async function chat(io: CliIo, options: ChatOptions, written: string): Promise<number> {
  const target = await resolveTarget(io.client, written);
  const settings = await readSettings(options);
  const isConversation = options.message === undefined && io.inputIsTerminal;
  if (isConversation) return converse(io, target, settings);
  const prompt = options.message ?? (await io.readInput()).trim();
  if (prompt === "") {
    throw new MidrunError("invalid_request", "There is no prompt: standard input is empty.", {
      hint: "Pass --message, or write the prompt to standard input.",
    });
  }
  const told = await answer(io, target, [...opening(settings), { role: "user", content: prompt }], settings);
  return told === null ? exitCodes.interrupted : exitCodes.done;
}

/** What each answer is asked for with. */
interface AnswerSettings extends Pick<ChatOptions, "json" | "system"> {
  sampling: Pick<InferArgs, "maxTokens" | "temperature" | "responseFormat">;
}

async function readSettings({
  json,
  system,
  maxTokens,
  temperature,
  jsonSchema,
}: ChatOptions): Promise<AnswerSettings> {
  const responseFormat = jsonSchema === undefined ? {} : { responseFormat: await readSchema(jsonSchema) };
  return { json, system, sampling: { maxTokens, temperature, ...responseFormat } };
}

async function readSchema(path: string): Promise<ResponseFormat> {
  const refuse = (problem: string, cause?: unknown) =>
    new MidrunError("invalid_request", `--json-schema: ${path} ${problem}.`, { param: "jsonSchema", cause });
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw refuse(`cannot be read: ${cause.message}`, cause);
  });
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (cause) {
    throw refuse(`is no JSON: ${(cause as Error).message}`, cause);
  }
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) throw refuse("holds no JSON schema");
  return {
    type: "json_schema",
    json_schema: { name: "answer", schema: schema as Record<string, unknown>, strict: true },
  };
}

/** Names the weights. A job means its final adapter, or its newest checkpoint while it has none. */
async function resolveTarget({ jobs }: MidrunClient, written: string): Promise<InferTarget> {
  const named = /^(job_[0-9A-Za-z]+)(?:@(\d+))?$/.exec(written);
  if (!named) return isRelativePath(written) ? resolve(written) : written;
  const [, jobId = "", step] = named;
  if (step !== undefined) return { kind: "checkpoint", jobId, step: Number(step) };
  const { status, artifacts } = await jobs.retrieve(jobId);
  if (status === "completed") return { kind: "final", jobId };
  const newest = artifacts.findLast(({ kind }) => kind === "checkpoint");
  if (newest) return { kind: "checkpoint", jobId, step: newest.step };
  throw new MidrunError("invalid_state", `Job ${jobId} is ${status} and has no checkpoint yet.`, {
    hint: `Wait for its first one (midrun jobs events ${jobId}), or train with a smaller saveSteps.`,
  });
}

const isRelativePath = (text: string) => /^\.{1,2}([/\\]|$)/.test(text);

const opening = ({ system }: AnswerSettings): ChatMessage[] =>
  system === undefined ? [] : [{ role: "system", content: system }];

/** Until the end of the input or `/exit`. An answer that failed or was interrupted ends nothing and is forgotten. */
async function converse(io: CliIo, target: InferTarget, settings: AnswerSettings): Promise<number> {
  const messages = opening(settings);
  for (;;) {
    const prompt = await io.ask("> ");
    if (prompt === null || prompt.trim() === "/exit") return exitCodes.done;
    if (prompt.trim() === "") continue;
    const asked: ChatMessage = { role: "user", content: prompt };
    const content = await answer(io, target, [...messages, asked], settings).catch((error: unknown) => {
      if (!isMidrunError(error)) throw error;
      io.err(formatError(error, false));
      return null;
    });
    if (content !== null) messages.push(asked, { role: "assistant", content });
  }
}

/** Writes the answer as it comes; null when Ctrl-C ended it. */
async function answer(
  io: CliIo,
  target: InferTarget,
  messages: ChatMessage[],
  { json, sampling }: AnswerSettings,
): Promise<string | null> {
  const aborter = new AbortController();
  const release = io.onInterrupt(() => aborter.abort());
  const args: InferArgs = { messages, ...sampling, stream: !json, signal: aborter.signal };
  try {
    const response = await io.client.models.infer(target, args);
    return json ? await writeJson(io, response) : await writeText(io, response);
  } catch (error) {
    if (!aborter.signal.aborted) throw error;
    io.out("\n");
    return null;
  } finally {
    release();
  }
}

async function writeText(io: CliIo, response: Response): Promise<string> {
  let text = "";
  for await (const delta of readDeltas(response)) {
    io.out(delta);
    text += delta;
  }
  io.out("\n");
  return text;
}

async function writeJson(io: CliIo, response: Response): Promise<string> {
  const completion = await response.json();
  io.out(formatJson(completion));
  return completion.choices[0]?.message.content ?? "";
}
