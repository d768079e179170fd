/** The bodies of both chat routes as one question. */
import type { z } from "zod";
import { MidrunError } from "../errors.ts";
import type { AdapterRef } from "../protocol/chat.ts";
import {
  chatCompletionRequestSchema,
  inferRequestSchema,
  type structuredRequestFields,
} from "../protocol/chat-request.ts";
import { parseWith } from "../protocol/parse.ts";
import { type AskedConstraint, askedConstraint, type StructuredFields } from "./chat-constraint.ts";
import { askedTools, refuseOldTools } from "./chat-tools.ts";
import type { GenerateInput } from "./runner.ts";

export type Asked = Omit<GenerateInput, "model" | "adapterDir" | "signal">;

export interface ChatAsk {
  /** A model's name, or the adapter of a job. */
  target: string | AdapterRef;
  input: Asked;
  stream: boolean;
  /** Streams only: a last chunk with token counts. */
  includeUsage: boolean;
  /** What the request calls a field of `input`, or a part of one. */
  spell: (param: string) => string;
}

/** Fields that both bodies have, in our names; `null` and absent are the same. */
type Request = z.output<typeof inferRequestSchema>;
export type Sampling = Pick<Request, "messages"> & {
  [K in keyof Omit<Request, "messages" | "adapter" | "model" | "stream">]?: Request[K] | null;
};

const defaultMaxTokens = 512;

/** Without what is null, and without what asks for nothing: `n: 1`, a penalty of 0. */
function asked<T extends object>(
  fields: T,
  neutral: { [K in keyof T]?: T[K] },
): { [K in keyof T]?: NonNullable<T[K]> } {
  const wanted = Object.entries(fields).filter(([name, value]) => value != null && value !== neutral[name as keyof T]);
  return Object.fromEntries(wanted) as { [K in keyof T]?: NonNullable<T[K]> };
}

const neutral = {
  ...{ n: 1, topK: 0, minP: 0, minTokens: 0 },
  ...{ presencePenalty: 0, frequencyPenalty: 0, repetitionPenalty: 1 },
};

/** The same fields for a runner, defaults filled in. */
export function toInput(
  sampling: Sampling,
  constraint: AskedConstraint | null,
  spell: (name: string) => string,
): Asked {
  const { messages, maxTokens, temperature, topP, stop, seed, logprobs, topLogprobs, logitBias } = sampling;
  const { n, topK, minP, minTokens, presencePenalty, frequencyPenalty, repetitionPenalty } = sampling;
  const { templateVariables } = sampling;
  if (topLogprobs != null && !logprobs) {
    const param = spell("topLogprobs");
    throw new MidrunError("invalid_request", `${param}: got ${topLogprobs} without ${spell("logprobs")}: true.`, {
      param,
    });
  }
  return {
    messages,
    maxTokens: maxTokens ?? defaultMaxTokens,
    temperature: temperature ?? 1,
    topP: topP ?? 1,
    stop: typeof stop === "string" ? [stop] : (stop ?? []),
    seed: seed == null ? null : toUnsigned(seed),
    ...asked({ n, topK, minP, minTokens, presencePenalty, frequencyPenalty, repetitionPenalty }, neutral),
    ...(logprobs ? { logprobs: topLogprobs ?? 0 } : {}),
    ...(logitBias && Object.keys(logitBias).length > 0 ? { logitBias } : {}),
    ...(templateVariables && Object.keys(templateVariables).length > 0 ? { templateVariables } : {}),
    ...askedTools(sampling),
    ...(constraint ? { constraint: constraint.constraint, constraintOptions: constraint.constraintOptions } : {}),
  };
}

/** 0 … 2^53 − 1, and the same for the same seed. */
function toUnsigned(seed: number): number {
  const rest = seed % 2 ** 53;
  return rest < 0 ? rest + 2 ** 53 : Math.abs(rest);
}

/** Replaces the field at the beginning of `logitBias["7"]`, `messages[0].content`, …. */
export function speller(spell: (name: string) => string, constraint: AskedConstraint | null) {
  return (param: string) => {
    if (param.startsWith("constraint")) return constraint?.param ?? param;
    return param.replace(/^\w+/, spell);
  };
}

const asItIs = (name: string) => name;
export const toSnakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Body of `POST /v1/inference/chat`. Throws `invalid_request`. */
export function parseInferRequest(body: unknown): ChatAsk {
  const request = parseWith(inferRequestSchema, body, "invalid_request");
  const { adapter, model, stream, structuredOutputs, responseFormat: format } = request;
  const target = adapter ?? model;
  if (target === undefined || (adapter !== undefined && model !== undefined)) {
    const found = target === undefined ? "neither adapter nor model" : "both adapter and model";
    throw new MidrunError("invalid_request", `Got ${found}, expected exactly one of them.`, { param: "model" });
  }
  const constraint = askedConstraint(
    { param: "responseFormat", format },
    structuredOutputs ? [{ param: "structuredOutputs", prefix: "structuredOutputs.", fields: structuredOutputs }] : [],
  );
  const input = toInput(request, constraint, asItIs);
  return { target, input, stream, includeUsage: false, spell: speller(asItIs, constraint) };
}

type StructuredRequest = Pick<z.output<typeof chatCompletionRequestSchema>, keyof typeof structuredRequestFields>;

/** vLLM's fields, new and old; those of the old ones that concern blanks and properties go with OpenAI's field too. */
export function structuredFields(request: StructuredRequest): StructuredFields[] {
  const { structured_outputs, disable_any_whitespace, disable_additional_properties } = request;
  const old = {
    guided_json: request.guided_json,
    guided_regex: request.guided_regex,
    guided_choice: request.guided_choice,
    guided_grammar: request.guided_grammar,
    guided_whitespace_pattern: request.guided_whitespace_pattern,
    ...{ disable_any_whitespace, disable_additional_properties },
  };
  const given = Object.entries(old).filter(([, value]) => value != null && value !== false);
  const fields = Object.fromEntries(given.map(([name, value]) => [name.replace("guided_", ""), value]));
  return [
    ...(structured_outputs
      ? [{ param: "structured_outputs", prefix: "structured_outputs.", fields: structured_outputs }]
      : []),
    ...(given[0] ? [{ param: given[0][0], prefix: "guided_", fields }] : []),
  ];
}

type SamplingRequest = Pick<
  z.output<typeof chatCompletionRequestSchema>,
  | ("temperature" | "stop" | "seed" | "n" | "top_p" | "top_k" | "min_p" | "min_tokens" | "logit_bias")
  | ("presence_penalty" | "frequency_penalty" | "repetition_penalty")
>;

/** How tokens are drawn, in our names: what chats and text completions share. */
export function samplingFields(request: SamplingRequest): Omit<Sampling, "messages"> {
  const { temperature, stop, seed, n, top_k } = request;
  return {
    ...{ temperature, stop, seed, n },
    topP: request.top_p,
    // Some clients of vLLM say -1 for "all".
    topK: top_k === -1 ? null : top_k,
    minP: request.min_p,
    minTokens: request.min_tokens,
    logitBias: request.logit_bias,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    repetitionPenalty: request.repetition_penalty,
  };
}

/** Body of `POST /v1/chat/completions`. Throws `invalid_request`, or `not_supported` for `functions`. */
export function parseChatCompletionRequest(body: unknown): ChatAsk {
  const request = parseWith(chatCompletionRequestSchema, body, "invalid_request");
  refuseOldTools(request);
  const { model: target, messages, stream, stream_options, logprobs } = request;
  const constraint = askedConstraint(
    { param: "response_format", format: request.response_format },
    structuredFields(request),
  );
  const sampling: Sampling = {
    ...samplingFields(request),
    ...{ messages, logprobs },
    maxTokens: request.max_completion_tokens ?? request.max_tokens,
    topLogprobs: request.top_logprobs,
    templateVariables: request.chat_template_kwargs,
    ...{ tools: request.tools, toolChoice: request.tool_choice, parallelToolCalls: request.parallel_tool_calls },
  };
  return {
    target,
    input: toInput(sampling, constraint, toSnakeCase),
    stream: stream ?? false,
    includeUsage: stream_options?.include_usage ?? false,
    spell: speller(toSnakeCase, constraint),
  };
}

/** Names of the body's fields that the chat-completions route does not know, and so ignores. */
export function ignoredFields(body: unknown): string[] {
  if (typeof body !== "object" || body === null) return [];
  return Object.keys(body).filter((key) => !Object.hasOwn(chatCompletionRequestSchema.shape, key));
}
