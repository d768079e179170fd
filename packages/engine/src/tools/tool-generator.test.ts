/** Tools with models of a few thousand random weights: what they say is noise, what they call is valid. */
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { loadBaseModel } from "../base-model.ts";
import { createValidator } from "../decode/constrain/schema/validator.ts";
import type { Generator } from "../decode/generate.ts";
import type { ChatMessage, FinishReason, GenerateRequest, ToolDefinition } from "../spec.ts";
import { loadTokenizer } from "../text/tokenizer.ts";
import { createToolGenerator } from "./tool-generator.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/${name}/model`, import.meta.url));

const loaded = new Map<string, Promise<Generator>>();
/** The same with room for the definitions of tools in tokens of one byte. */
async function load(dir: string): Promise<Generator> {
  const model = await loadBaseModel(dir);
  return createToolGenerator({ ...model, spec: { ...model.spec, maxPositions: 4096 } }, { threads: 1 });
}
const open = (dir: string): Promise<Generator> => {
  const generator = loaded.get(dir) ?? load(dir);
  loaded.set(dir, generator);
  return generator;
};
afterAll(async () => {
  for (const generator of loaded.values()) await (await generator).release();
});

const parameters = {
  type: "object",
  properties: {
    city: { type: "string", maxLength: 8 },
    days: { type: "integer", minimum: 1, maximum: 14 },
    unit: { enum: ["celsius", "fahrenheit"] },
  },
  required: ["city", "unit"],
  additionalProperties: false,
};
const tools: ToolDefinition[] = [
  { type: "function", function: { name: "get_weather", description: "Weather of a city", parameters } },
  { type: "function", function: { name: "clock" } },
];
const isValid = {
  get_weather: createValidator(parameters),
  clock: createValidator({ type: "object", maxProperties: 0 }),
};

interface Answer {
  content: string;
  calls: { id: string; name: string; arguments: string }[];
  reason: FinishReason;
}

async function ask(dir: string, request: Partial<GenerateRequest>): Promise<Answer[]> {
  const generator = await open(dir);
  const answers = Array.from({ length: request.n ?? 1 }, (): Answer => ({ content: "", calls: [], reason: "stop" }));
  const events = generator.generate({
    prompt: { messages: [{ role: "user", content: "Weather in Oslo?" }] },
    ...{ tools, maxTokens: 400, temperature: 2, topP: 1, stop: [] },
    ...request,
  });
  for await (const event of events) {
    if (event.type === "done") {
      event.finishReasons.forEach((reason, index) => {
        answers[index]!.reason = reason;
      });
      return answers;
    }
    const answer = answers[event.index]!;
    answer.content += event.delta;
    for (const { call, id, name, arguments: piece } of event.calls ?? []) {
      if (id !== undefined) answer.calls.push({ id, name: name!, arguments: "" });
      answer.calls[call]!.arguments += piece;
    }
  }
  throw new Error("no end");
}

function expectValid({ calls }: Answer): void {
  for (const { name, arguments: text } of calls) {
    expect(isValid[name as keyof typeof isValid](JSON.parse(text))).toBeNull();
  }
}

describe.each(["qwen3-tied", "llama-tied", "granite", "gemma2"])("a random model (%s)", (name) => {
  it("calls with valid arguments when it must, at temperature 2", { timeout: 180_000 }, async () => {
    const answers = (
      await Promise.all([1, 2, 3].map((seed) => ask(fixture(name), { toolChoice: "required", seed, n: 8 })))
    ).flat();
    const finished = answers.filter(({ reason }) => reason !== "length");
    expect(finished.length).toBeGreaterThan(4);
    for (const answer of finished) {
      expect(answer).toMatchObject({ content: "", reason: "tool_calls" });
      expect(answer.calls.length).toBeGreaterThan(0);
      expectValid(answer);
    }
    for (const { content } of answers) expect(content).toBe("");
  });

  it("calls the function that it is told to, once", { timeout: 180_000 }, async () => {
    const [answer] = await ask(fixture(name), { toolChoice: { name: "clock" }, temperature: 0 });
    expect(answer).toEqual({
      content: "",
      reason: "tool_calls",
      calls: [
        {
          id: expect.stringMatching(/^call_[A-Za-z0-9]{24}$/),
          name: "clock",
          arguments: expect.stringMatching(/^\{\s*\}$/),
        },
      ],
    });
  });

  it("gives no argument that is not mentioned, and none to a function without parameters", {
    timeout: 180_000,
  }, async () => {
    const open: ToolDefinition[] = [
      {
        type: "function",
        function: { name: "one", parameters: { type: "object", properties: { a: { type: "boolean" } } } },
      },
      { type: "function", function: { name: "none", parameters: { type: "object", properties: {} } } },
    ];
    const answers = await ask(fixture(name), {
      tools: open,
      toolChoice: "required",
      parallelToolCalls: false,
      seed: 2,
      n: 6,
    });
    const keys = answers.flatMap(({ calls }) => calls.flatMap((call) => Object.keys(JSON.parse(call.arguments))));
    expect(answers.map(({ reason }) => reason)).toEqual(answers.map(() => "tool_calls"));
    expect(keys.filter((key) => key !== "a")).toEqual([]);
  });

  it("goes on from a call and its result", { timeout: 180_000 }, async () => {
    const messages: ChatMessage[] = [
      { role: "user", content: "The time?" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_1", type: "function", function: { name: "clock", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "call_1", content: "noon" },
    ];
    for (const toolChoice of ["none", "required"] as const) {
      const [answer] = await ask(fixture(name), {
        prompt: { messages },
        toolChoice,
        seed: 1,
        parallelToolCalls: false,
      });
      expect(answer!.calls.length).toBe(toolChoice === "none" ? 0 : 1);
    }
  });
});

describe("a model that may call", () => {
  it("writes words or valid calls", { timeout: 180_000 }, async () => {
    const answers = await ask(fixture("qwen3-tied"), { seed: 3, n: 12, maxTokens: 60 });
    for (const answer of answers) {
      expect(answer.content).not.toContain("<tool_call>");
      if (answer.reason !== "length") expectValid(answer);
    }
  });

  it.each([
    ["an ordinary token", "qwen3-tied", "<tool_call>"],
    ["a control token", "granite", "<|tool_call|>"],
  ])("calls when it writes the marker, %s", { timeout: 180_000 }, async (_, name, marker) => {
    const tokenizer = await loadTokenizer(fixture(name));
    const id = tokenizer.tokenId(marker) ?? tokenizer.encode(marker)[0]!;
    // So likely that it comes sooner or later, in the arguments' strings too.
    const answers = await ask(fixture(name), { seed: 1, n: 6, logitBias: { [id]: 6 }, stop: ['"', "\n", "{"] });
    const calling = answers.filter(({ reason }) => reason === "tool_calls");
    expect(calling.length).toBeGreaterThan(0);
    for (const answer of answers) {
      expect(answer.content).not.toContain(marker);
      if (answer.reason !== "length") expectValid(answer);
    }
  });

  it("may be asked for one call at most", { timeout: 180_000 }, async () => {
    const request = { toolChoice: "required", parallelToolCalls: false, seed: 4, n: 6 } as const;
    const answers = await ask(fixture("qwen3-tied"), request);
    expect(answers.map(({ calls }) => calls.length)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("answers in a format or calls, when both are asked for", { timeout: 180_000 }, async () => {
    const schema = {
      type: "object",
      properties: { sky: { enum: ["clear", "grey"] } },
      required: ["sky"],
      additionalProperties: false,
    };
    const constraint = { type: "json_schema", schema } as const;
    const answers = await ask(fixture("qwen3-tied"), {
      constraint,
      seed: 2,
      n: 8,
      constraintOptions: { disableAnyWhitespace: true },
    });
    const words = answers.filter(({ calls }) => calls.length === 0);
    expect(words.length).toBeGreaterThan(0);
    for (const { content } of words) expect(content).toMatch(/^\{"sky":"(clear|grey)"\}$/);
  });

  it("calls once where it was never shown how to write calls", { timeout: 180_000 }, async () => {
    const answers = await ask(fixture("gemma2"), { toolChoice: "required", seed: 1, n: 6 });
    expect(answers.map(({ calls }) => calls.length)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("is refused where the chat template has no tool format", async () => {
    await expect(ask(fixture("gemma2"), {})).rejects.toMatchObject({
      code: "tool_calling_not_configured",
      param: "tools",
      hint: expect.stringContaining("required"),
    });
    expect((await ask(fixture("gemma2"), { toolChoice: "none", maxTokens: 5 }))[0]!.calls).toEqual([]);
  });

  it.each(["auto", "required"] as const)(
    "is refused what cannot be enforced, by tool and place (%s)",
    async (toolChoice) => {
      const unenforceable = { type: "object", properties: { tags: { type: "array", uniqueItems: true } } };
      const own: ToolDefinition[] = [
        ...tools,
        { type: "function", function: { name: "tag", parameters: unenforceable } },
      ];
      await expect(ask(fixture("qwen3-tied"), { tools: own, toolChoice })).rejects.toMatchObject({
        code: "invalid_request",
        param: "tools[2].function.parameters",
        message: expect.stringMatching(/"tag".*#\/properties\/tags\/uniqueItems/),
      });
    },
  );
});
