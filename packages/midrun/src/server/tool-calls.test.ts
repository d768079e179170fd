/** Tools as people's programs use them: the `openai` package and the AI SDK, against a server on a port with the real engine. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, streamText, tool } from "ai";
import type OpenAI from "openai";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { useEngineServer } from "./testing-engine.ts";

const fixtures = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));
const slow = { timeout: 180_000 };

let dir: string;
const engine = useEngineServer();
/** Models of random weights: with a tool format, and without one. */
let caller: string;
let plain: string;

/** Its own context holds 512 tokens: too few for definitions of tools in tokens of one byte. */
async function roomy(name: string): Promise<string> {
  const copy = join(dir, name);
  await cp(`${fixtures}${name}/model`, copy, { recursive: true });
  const config = JSON.parse(await readFile(join(copy, "config.json"), "utf8"));
  await writeFile(join(copy, "config.json"), JSON.stringify({ ...config, max_position_embeddings: 4096 }));
  return copy;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "midrun-tools-"));
  [caller, plain] = await Promise.all([roomy("qwen3-tied"), roomy("gemma2")]);
});
afterAll(() => rm(dir, { recursive: true }));

const Weather = z.object({
  city: z.string().max(8),
  days: z.int().min(1).max(14),
  unit: z.enum(["C", "F"]).optional(),
});
const weatherFunction = {
  name: "get_weather",
  description: "Weather of a city",
  parameters: z.toJSONSchema(Weather) as Record<string, unknown>,
};
const weather: OpenAI.ChatCompletionFunctionTool = { type: "function", function: weatherFunction };
const clock: OpenAI.ChatCompletionFunctionTool = { type: "function", function: { name: "clock" } };
const messages: ChatCompletionMessageParam[] = [{ role: "user", content: "Weather in Oslo?" }];
const request = { messages, tools: [weather, clock], max_tokens: 600, seed: 1, temperature: 2 };

function argumentsOf(call: OpenAI.ChatCompletionMessageToolCall): unknown {
  if (call.type !== "function") throw new Error(call.type);
  const value = JSON.parse(call.function.arguments);
  return call.function.name === "clock" ? z.strictObject({}).parse(value) : Weather.parse(value);
}

describe.each(["a tool format", "none"])("the openai package, and a model with %s", (kind) => {
  const model = () => (kind === "none" ? plain : caller);

  it("gets a call that it demands, with valid arguments, at temperature 2", slow, async () => {
    for (const seed of [1, 2, 3]) {
      const { choices } = await engine.openai.chat.completions.create({
        ...request,
        model: model(),
        seed,
        tool_choice: "required",
      });
      const { message, finish_reason } = choices[0]!;
      if (finish_reason === "length") continue;
      expect(finish_reason).toBe("tool_calls");
      expect(message.content).toBeNull();
      for (const call of message.tool_calls!) argumentsOf(call);
    }
  });

  it("streams the same call, and hands it back with its result", slow, async () => {
    const asked = {
      ...request,
      model: model(),
      tool_choice: { type: "function" as const, function: { name: "get_weather" } },
    };
    const events: string[] = [];
    const stream = engine.openai.chat.completions
      .stream(asked)
      .on("tool_calls.function.arguments.delta", ({ name, arguments_delta }) => events.push(name + arguments_delta))
      .on("tool_calls.function.arguments.done", ({ name }) => events.push(`${name} done`));
    const { choices } = await stream.finalChatCompletion();
    const { message, finish_reason } = choices[0]!;
    expect(finish_reason).toBe("tool_calls");
    expect(events.at(-1)).toBe("get_weather done");
    const whole = await engine.openai.chat.completions.create(asked);
    const [call] = message.tool_calls!;
    const [wholeCall] = whole.choices[0]!.message.tool_calls!;
    expect(message.tool_calls).toHaveLength(1);
    expect(argumentsOf(call!)).toEqual(argumentsOf(wholeCall!));
    expect(call!.id).not.toBe(wholeCall!.id);

    const history: ChatCompletionMessageParam[] = [
      ...messages,
      message,
      { role: "tool", tool_call_id: call!.id, content: "sun" },
    ];
    for (const rest of [{ tool_choice: "none" as const }, { tools: undefined, tool_choice: undefined }]) {
      const answer = await engine.openai.chat.completions.create({
        ...asked,
        messages: history,
        ...rest,
        max_tokens: 8,
      });
      expect(answer.choices[0]!.message.tool_calls).toBeUndefined();
      expect(answer.choices[0]!.finish_reason).toMatch(/stop|length/);
    }
  });
});

describe("the openai package", () => {
  it("runs a tool, and goes on with what it gave", slow, async () => {
    const given: unknown[] = [];
    const runner = engine.openai.chat.completions.runTools(
      {
        ...{ model: caller, messages, max_tokens: 300, seed: 1, parallel_tool_calls: false },
        // The marker is made so likely that the model calls; the next question is asked without it.
        logit_bias: { [markerId]: 100 },
        tools: [
          {
            type: "function",
            function: {
              ...weatherFunction,
              parse: (text: string) => Weather.parse(JSON.parse(text)),
              function: (args: z.output<typeof Weather>) => {
                given.push(args);
                return "sun";
              },
            },
          },
        ],
      },
      { maxChatCompletions: 2 },
    );
    await runner.done();
    const roles = runner.messages.map(({ role }) => role);
    expect(roles.slice(0, 4)).toEqual(["user", "assistant", "tool", "assistant"]);
    expect(given.length).toBeGreaterThan(0);
  });

  it("gets words or calls by default", slow, async () => {
    const { choices } = await engine.openai.chat.completions.create({
      ...request,
      model: caller,
      n: 6,
      max_tokens: 80,
    });
    for (const { message, finish_reason } of choices) {
      if (finish_reason === "tool_calls") for (const call of message.tool_calls!) argumentsOf(call);
      else expect(message.content).not.toContain("<tool_call>");
    }
  });

  it.each([
    ["a model that cannot choose", () => ({ model: plain }), "tool_calling_not_configured", "tools", /required/],
    [
      "a schema that cannot be enforced",
      () => ({
        model: caller,
        tools: [clock, { type: "function" as const, function: { name: "tag", parameters: unenforceable } }],
      }),
      "invalid_request",
      "tools[1].function.parameters",
      /"tag".*#\/properties\/tags\/uniqueItems/,
    ],
    [
      "a function that is not there",
      () => ({ model: caller, tool_choice: { type: "function" as const, function: { name: "cloc" } } }),
      "invalid_request",
      "tool_choice",
      /"cloc" is none of the tools/,
    ],
    [
      "a call without tools",
      () => ({ model: caller, tools: [], tool_choice: "required" as const }),
      "invalid_request",
      "tool_choice",
      /no tools/,
    ],
    [
      "a regular expression beside tools",
      () => ({ model: caller, structured_outputs: { regex: "a+" } }),
      "invalid_request",
      "tools",
      /tool_choice/,
    ],
  ])("learns of %s before the stream begins", slow, async (_, extra, code, param, message) => {
    for (const stream of [true, false]) {
      const asking = engine.openai.chat.completions.create({ ...request, ...extra(), stream });
      await expect(asking).rejects.toMatchObject({ status: 400, code, param, message: expect.stringMatching(message) });
    }
  });
});

const unenforceable = { type: "object", properties: { tags: { type: "array", uniqueItems: true } } };
/** `<tool_call>`, of the model with a tool format. */
const markerId = "355";

describe("the AI SDK", () => {
  beforeAll(() => vi.stubGlobal("AI_SDK_LOG_WARNINGS", false));
  afterAll(() => vi.unstubAllGlobals());

  const model = (id: string) => createOpenAICompatible({ name: "midrun", baseURL: engine.server.baseURL })(id);
  const tools = {
    get_weather: tool({ description: "Weather", inputSchema: Weather, execute: async ({ city }) => `sun in ${city}` }),
  };
  const settings = { prompt: "Weather in Oslo?", tools, seed: 2, maxRetries: 0, maxOutputTokens: 600 };

  it("generates text with a tool, step by step", slow, async () => {
    const { steps } = await generateText({
      ...settings,
      model: model(caller),
      toolChoice: "required",
      stopWhen: isStepCount(2),
      providerOptions: { midrun: { parallel_tool_calls: false } },
    });
    expect(steps).toHaveLength(2);
    for (const { finishReason, toolCalls, toolResults } of steps) {
      expect(finishReason).toBe("tool-calls");
      expect(toolCalls).toHaveLength(1);
      expect(Weather.parse(toolCalls[0]!.input)).toEqual(toolCalls[0]!.input);
      expect(toolResults[0]!.output).toMatch(/^sun in /);
    }
  });

  it("streams text with a tool", slow, async () => {
    const result = streamText({
      ...settings,
      model: model(plain),
      toolChoice: { type: "tool", toolName: "get_weather" },
    });
    const parts: string[] = [];
    for await (const part of result.fullStream) parts.push(part.type);
    expect(parts).toContain("tool-input-delta");
    expect(await result.finishReason).toBe("tool-calls");
    const calls = await result.toolCalls;
    expect(Weather.parse(calls[0]!.input)).toEqual(calls[0]!.input);
  });
});
