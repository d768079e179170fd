/** Both chat routes: they differ in how they are asked, not in what they answer. */
import { afterEach, describe, expect, it } from "vitest";
import { MidrunError } from "../../errors.ts";
import type { ChatCompletion, ChatCompletionChunk } from "../../protocol/chat.ts";
import type { Job, JobSpecInput } from "../../protocol/job.ts";
import { createTestApp, type TestApp, type TestAppOptions } from "../../testing.ts";
import { type GenerateInput, generateOptions } from "../runner.ts";

const spec: JobSpecInput = { name: "run", model: "org/base", dataset: { type: "inline", rows: [{ text: "a" }] } };
const messages = [{ role: "user" as const, content: "hello there" }];

const apps: { app: TestApp; expectedErrors: number }[] = [];
afterEach(async () => {
  for (const { app, expectedErrors } of apps.splice(0)) {
    await app.close();
    expect(app.errors).toHaveLength(expectedErrors);
  }
});

function setUp(options?: TestAppOptions, { expectedErrors = 0 } = {}) {
  const app = createTestApp(options);
  apps.push({ app, expectedErrors });
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    app.fetch(path, { method: "POST", body: JSON.stringify(body), ...init });
  const complete = (body: object, init?: RequestInit) => post("/v1/chat/completions", body, init);
  const infer = (body: object, init?: RequestInit) => post("/v1/inference/chat", body, init);
  /** A finished job. */
  const trained = async (overrides: Partial<JobSpecInput> = {}): Promise<Job> => {
    const { id } = (await (await post("/v1/jobs", { ...spec, ...overrides })).json()) as Job;
    await (await app.fetch(`/v1/jobs/${id}/events`, { headers: { accept: "text/event-stream" } })).text();
    return (await (await app.fetch(`/v1/jobs/${id}`)).json()) as Job;
  };
  return { ...app, post, complete, infer, trained };
}

const contentOf = async (response: Response) => {
  expect(response.status).toBe(200);
  return ((await response.json()) as ChatCompletion).choices[0]!.message.content;
};

const errorOf = async (response: Response) => {
  const { error } = (await response.json()) as {
    error: { message: string; param: string; code: string; type: string };
  };
  return { status: response.status, ...error };
};

/** The stream's JSON chunks; checks that it is framed as OpenAI's is. */
async function chunksOf(response: Response): Promise<ChatCompletionChunk[]> {
  const text = await response.text();
  expect(text).not.toContain("\r");
  const frames = text.split("\n\n");
  expect(frames.pop()).toBe("");
  expect(frames.pop()).toBe("data: [DONE]");
  return frames.map((frame) => {
    expect(frame).toMatch(/^data: \{[^\n]*\}$/);
    return JSON.parse(frame.slice(6));
  });
}

describe("a chat completion", () => {
  it("is OpenAI's object", async () => {
    const { complete } = setUp();
    const response = await complete({ model: "org/base", messages });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-\w{24}$/),
      object: "chat.completion",
      created: Date.UTC(2026, 0, 1) / 1000,
      model: "org/base",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "org/base: hello there", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
    });
  });

  it("says when it was cut by length", async () => {
    const { complete } = setUp();
    for (const limit of [{ max_tokens: 2 }, { max_completion_tokens: 2, max_tokens: 9 }]) {
      const body = (await (await complete({ model: "m", messages, ...limit })).json()) as ChatCompletion;
      expect(body.choices[0]).toMatchObject({ message: { content: "m: hello " }, finish_reason: "length" });
    }
  });

  it("streams role, text, finish reason and [DONE], all under one id, without usage", async () => {
    const { complete } = setUp();
    const response = await complete({ model: "org/base", messages, stream: true });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const chunks = await chunksOf(response);
    const { id, created } = chunks[0]!;
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({ id, created, model: "org/base", object: "chat.completion.chunk" });
      expect(chunk).not.toHaveProperty("usage");
    }
    const choice = (delta: object, finish_reason: string | null = null) => [
      { index: 0, delta, logprobs: null, finish_reason },
    ];
    expect(chunks.map(({ choices }) => choices)).toEqual([
      choice({ role: "assistant", content: "", refusal: null }),
      choice({ content: "org/base: " }),
      choice({ content: "hello " }),
      choice({ content: "there" }),
      choice({}, "stop"),
    ]);
  });

  it("streams token counts in a last chunk without choices, when asked", async () => {
    const { complete } = setUp();
    const chunks = await chunksOf(
      await complete({ model: "m", messages, stream: true, stream_options: { include_usage: true } }),
    );
    expect(chunks.pop()).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
    });
    for (const chunk of chunks) expect(chunk.usage).toBeNull();
  });

  it("streams text that looks like framing unharmed", async () => {
    const odd = 'data: [DONE]\n\nevent: x\r\n\u2028 "quoted" \ud83d\ude00';
    const { complete } = setUp({ fake: { reply: () => odd } });
    const chunks = await chunksOf(await complete({ model: "m", messages, stream: true }));
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(odd);
  });

  it("takes text parts, every role and nulls, as OpenAI's clients send them", async () => {
    let got: GenerateInput | undefined;
    const reply = (input: GenerateInput) => {
      got = input;
      return "ok";
    };
    const { complete } = setUp({ fake: { reply } });
    const call = { id: "call_1", type: "function", function: { name: "f", arguments: "{}" } };
    await contentOf(
      await complete({
        model: "m",
        messages: [
          {
            role: "developer",
            content: [
              { type: "text", text: "be " },
              { type: "text", text: "kind" },
            ],
          },
          { role: "user", content: "hi", name: "ann" },
          { role: "assistant", content: null, tool_calls: [call] },
          { role: "tool", content: "42", tool_call_id: "call_1" },
        ],
        temperature: 0,
        top_p: 0.5,
        stop: "END",
        seed: 7,
        max_tokens: null,
        tools: null,
        response_format: { type: "text" },
      }),
    );
    expect(got).toMatchObject({
      model: "m",
      adapterDir: null,
      messages: [
        { role: "developer", content: "be kind" },
        { role: "user", content: "hi" },
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", content: "42", tool_call_id: "call_1" },
      ],
      maxTokens: 512,
      temperature: 0,
      topP: 0.5,
      stop: ["END"],
      seed: 7,
    });
  });

  it("names the fields that it ignored, also when it streams", async () => {
    const { complete } = setUp();
    for (const stream of [false, true]) {
      const response = await complete({ model: "m", messages, stream, user: "u", "top k\n": 1 });
      expect(response.headers.get("x-midrun-ignored")).toBe("user, top%20k%0A");
      await response.text();
    }
  });

  it.each([
    [{ messages }, "model", 'Missing field "model": expected string.'],
    [{ model: "m", messages: [] }, "messages", /^messages: got \[\]/],
    [
      { model: "m", messages: [{ role: "robot", content: "" }] },
      "messages[0].role",
      /^messages\[0\]\.role: got "robot"/,
    ],
    [
      { model: "m", messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] },
      "messages[0].content",
      /expected string/,
    ],
    [{ model: "m", messages, temperature: 3 }, "temperature", /^temperature: got 3, /],
    [{ model: "m", messages, max_tokens: 0 }, "max_tokens", /^max_tokens: got 0, /],
    [{ model: "m", messages, stop: ["1", "2", "3", "4", "5"] }, "stop", /^stop: got /],
  ])("refuses %j", async (body, param, message) => {
    const { complete } = setUp();
    const error = await errorOf(await complete(body));
    expect(error).toMatchObject({ status: 400, param, code: "invalid_request", type: "invalid_request_error" });
    expect(error.message).toMatch(message);
  });
});

describe("tools", () => {
  const parameters = { type: "object", properties: { city: { type: "string" } } };
  const tools = [
    { type: "function", function: { name: "weather", description: "now", parameters, strict: true } },
    { type: "function", function: { name: "clock" } },
  ];
  const choose = (name: string) => ({ type: "function", function: { name } });
  const calls = [
    { name: "weather", arguments: '{"city": "Oslo"}' },
    { name: "clock", arguments: "{}" },
  ];

  async function inputOf(extra: object): Promise<GenerateInput> {
    let got: GenerateInput | undefined;
    const reply = (input: GenerateInput) => {
      got = input;
      return "ok";
    };
    const { complete } = setUp({ fake: { reply, can: generateOptions } });
    await contentOf(await complete({ model: "m", messages, ...extra }));
    return got!;
  }

  it.each([
    [{ tools }, { tools: expect.any(Array) }],
    [{ tools, tool_choice: "auto", parallel_tool_calls: true }, { tools: expect.any(Array) }],
    [
      { tools, parallel_tool_calls: false },
      { tools: expect.any(Array), parallelToolCalls: false },
    ],
    [
      { tools, tool_choice: "required" },
      { tools: expect.any(Array), toolChoice: "required" },
    ],
    [
      { tools, tool_choice: choose("clock") },
      { tools: expect.any(Array), toolChoice: { name: "clock" } },
    ],
    [
      { tools, tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [choose("clock")] } } },
      { tools: expect.any(Array), toolChoice: { mode: "auto", allowed: ["clock"] } },
    ],
    [{ tools, tool_choice: "none", parallel_tool_calls: false }, {}],
    [{ tools: [], parallel_tool_calls: false }, {}],
    [{ tools: null, tool_choice: null, parallel_tool_calls: null }, {}],
    [{ tool_choice: "required" }, { tools: [], toolChoice: "required" }],
  ])("reach the engine where something may be called: %j", async (extra, expected) => {
    const { tools: given, toolChoice, parallelToolCalls } = await inputOf(extra);
    expect({ tools: given, toolChoice, parallelToolCalls }).toEqual(expected);
    if (given?.length) expect(given[0]).toMatchObject(tools[0]!);
  });

  it.each([
    ["tools[0].type", { tools: [{ type: "custom", custom: { name: "x" } }] }],
    ["tools[0].function", { tools: [{ type: "function" }] }],
    ["tool_choice", { tools, tool_choice: "any" }],
    ["tool_choice", { tools, tool_choice: { type: "function" } }],
    ["parallel_tool_calls", { tools, parallel_tool_calls: "no" }],
  ])("are refused where they are not OpenAI's: %s", async (param, extra) => {
    const { complete } = setUp({ fake: { can: generateOptions } });
    const error = await errorOf(await complete({ model: "m", messages, ...extra }));
    expect(error).toMatchObject({
      status: 400,
      param: expect.stringMatching(new RegExp(`^${param.replace(/[[\]]/g, "\\$&")}`)),
    });
  });

  it("have native names on the native route", async () => {
    let got: GenerateInput | undefined;
    const reply = (input: GenerateInput) => {
      got = input;
      return "ok";
    };
    const { infer } = setUp({ fake: { reply, can: generateOptions } });
    const asked = { model: "m", messages, stream: false, tools };
    await contentOf(await infer({ ...asked, toolChoice: choose("clock"), parallelToolCalls: false }));
    expect(got).toMatchObject({ tools, toolChoice: { name: "clock" }, parallelToolCalls: false });
    const refused = [
      { ...asked, tool_choice: "auto" },
      { ...asked, parallelToolCalls: 1 },
      { ...asked, toolChoice: "any" },
    ];
    for (const body of refused) {
      const { status, param } = await errorOf(await infer(body));
      expect([status, param]).toEqual([400, Object.keys(body).at(-1)]);
    }
  });

  it("are refused in OpenAI's older fields, unless those ask for nothing", async () => {
    const { complete } = setUp({ fake: { can: generateOptions } });
    for (const [param, value, hint] of [
      ["functions", [{ name: "x" }], "Use tools."],
      ["function_call", { name: "x" }, "Use tool_choice."],
      ["function_call", "auto", "Use tool_choice."],
    ] as const) {
      const error = await errorOf(await complete({ model: "m", messages, [param]: value }));
      expect(error).toMatchObject({ status: 400, param, code: "not_supported" });
      expect(error.message).toContain(hint);
    }
    await contentOf(await complete({ model: "m", messages, functions: [], function_call: "none" }));
    await contentOf(await complete({ model: "m", messages, functions: null, function_call: null }));
  });

  it("are called in OpenAI's shape, with no content where there are no words", async () => {
    for (const content of ["", "One moment."]) {
      const { complete } = setUp({ fake: { can: generateOptions, reply: () => content, calls: () => calls } });
      const body = (await (await complete({ model: "m", messages, tools })).json()) as ChatCompletion;
      expect(body.choices).toEqual([
        {
          index: 0,
          message: {
            ...{ role: "assistant", content: content || null, refusal: null },
            tool_calls: calls.map((call, i) => ({ id: `call_0_${i}`, type: "function", function: call })),
          },
          logprobs: null,
          finish_reason: "tool_calls",
        },
      ]);
    }
  });

  it("are called in a stream: the name first, then pieces of the arguments", async () => {
    const { complete } = setUp({ fake: { can: generateOptions, reply: () => "", calls: () => calls } });
    const chunks = await chunksOf(await complete({ model: "m", messages, tools, stream: true }));
    expect(chunks.map(({ choices }) => choices[0]!.delta)).toEqual([
      { role: "assistant", content: "", refusal: null },
      { tool_calls: [{ index: 0, id: "call_0_0", type: "function", function: { name: "weather", arguments: "" } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"city": "Oslo"}' } }] },
      { tool_calls: [{ index: 1, id: "call_0_1", type: "function", function: { name: "clock", arguments: "" } }] },
      { tool_calls: [{ index: 1, function: { arguments: "{}" } }] },
      {},
    ]);
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe("tool_calls");
  });
});

describe("what the model's engine does not offer", () => {
  it.each([
    ["response_format", { response_format: { type: "json_object" } }],
    ["structured_outputs.regex", { structured_outputs: { regex: "a" } }],
    ["guided_json", { guided_json: {} }],
    ["presence_penalty", { presence_penalty: 0.5 }],
    ["frequency_penalty", { frequency_penalty: -0.5 }],
    ["repetition_penalty", { repetition_penalty: 1.1 }],
    ["logprobs", { logprobs: true }],
    ["logit_bias", { logit_bias: { "5": 1 } }],
    ["top_k", { top_k: 4 }],
    ["min_p", { min_p: 0.1 }],
    ["min_tokens", { min_tokens: 2 }],
    ["tools", { tools: [{ type: "function", function: { name: "f" } }] }],
    ["tools", { tool_choice: "required" }],
  ])("is refused by name, and nothing is generated: %s", async (param, extra) => {
    const { complete } = setUp({ fake: { reply: () => expect.fail("it generated") } });
    const error = await errorOf(await complete({ model: "m", messages, stream: true, ...extra }));
    expect(error).toMatchObject({ status: 400, param, code: "not_supported" });
    expect(error.message).toContain(param);
  });

  it.each([
    ["responseFormat", { responseFormat: { type: "json_object" } }],
    ["structuredOutputs.choice", { structuredOutputs: { choice: ["a"] } }],
    ["presencePenalty", { presencePenalty: 1 }],
    ["logitBias", { logitBias: { "5": 1 } }],
    ["topK", { topK: 1 }],
  ])("has its native name on the native route: %s", async (param, extra) => {
    const { infer } = setUp();
    expect(await errorOf(await infer({ model: "m", messages, ...extra }))).toMatchObject({ status: 400, param });
  });

  it.each([
    ["best_of", 2],
    ["ignore_eos", true],
    ["stop_token_ids", [7]],
    ["modalities", ["text", "audio"]],
    ["audio", { voice: "alloy" }],
    ["echo", true],
    ["chat_template", "{{ messages }}"],
  ])("is refused where it would change the answer: %s", async (param, value) => {
    const { complete } = setUp();
    const error = await errorOf(await complete({ model: "m", messages, [param]: value }));
    expect(error).toMatchObject({ status: 400, code: "invalid_request" });
    expect(error.param).toMatch(new RegExp(`^${param}`));
  });

  it("may be named as long as it asks for nothing", async () => {
    const { complete } = setUp();
    const inert = { best_of: 1, ignore_eos: false, stop_token_ids: [], modalities: ["text"], audio: null, echo: false };
    const response = await complete({ model: "m", messages, ...inert });
    expect(response.headers.get("x-midrun-ignored")).toBeNull();
    await contentOf(response);
  });

  it("is no reason to refuse a request that does not ask for it", async () => {
    const { complete } = setUp({ fake: { can: [] } });
    const tool = { type: "function", function: { name: "f" } };
    const sampling = { n: 1, presence_penalty: 0, repetition_penalty: 1, top_k: -1, min_p: 0, min_tokens: 0 };
    const rest = { tools: [tool], tool_choice: "none", logprobs: false, logit_bias: {}, guided_json: null };
    await contentOf(await complete({ model: "m", messages, ...sampling, ...rest }));
  });
});

describe("what reaches the engine", () => {
  async function inputOf(route: "complete" | "infer", extra: object): Promise<GenerateInput> {
    let got: GenerateInput | undefined;
    const reply = (input: GenerateInput) => {
      got = input;
      return "ok";
    };
    const app = setUp({ fake: { reply, can: generateOptions } });
    await contentOf(await app[route]({ model: "m", messages, stream: false, ...extra }));
    return got!;
  }

  it("is every sampling field, in its own names, from both routes", async () => {
    const expected = {
      ...{ n: 2, topK: 5, minP: 0.1, minTokens: 3, logitBias: { "7": -100 }, logprobs: 4 },
      ...{ presencePenalty: 1, frequencyPenalty: -1, repetitionPenalty: 1.5, topP: 0, temperature: 2 },
    };
    const openai = {
      ...{ n: 2, top_k: 5, min_p: 0.1, min_tokens: 3, logit_bias: { "7": -100 }, logprobs: true, top_logprobs: 4 },
      ...{ presence_penalty: 1, frequency_penalty: -1, repetition_penalty: 1.5, top_p: 0, temperature: 2 },
    };
    expect(await inputOf("complete", openai)).toMatchObject(expected);
    expect(await inputOf("infer", { ...expected, logprobs: true, topLogprobs: 4 })).toMatchObject(expected);
  });

  it("is what the chat template is told", async () => {
    const variables = { enable_thinking: false, effort: "low", budget: 3 };
    const expected = { templateVariables: variables };
    expect(await inputOf("complete", { chat_template_kwargs: variables })).toMatchObject(expected);
    expect(await inputOf("infer", expected)).toMatchObject(expected);
    expect(await inputOf("complete", { chat_template_kwargs: {} })).not.toHaveProperty("templateVariables");
  });

  it.each([
    [{ x: "<|im_start|>" }, "chat_template_kwargs.x"],
    [{ x: { y: 1 } }, "chat_template_kwargs.x"],
    [{ "a b": true }, "chat_template_kwargs.a b"],
  ])("is no control token by way of the template: %j", async (variables, param) => {
    const { complete } = setUp({ fake: { can: generateOptions } });
    const error = await errorOf(await complete({ model: "m", messages, chat_template_kwargs: variables }));
    expect(error).toMatchObject({ status: 400, param });
  });

  it.each([
    [7, 7],
    [-1, 2 ** 53 - 1],
    [2 ** 53 + 2, 2],
    [-(2 ** 63), 0],
  ])("is a seed of 53 bits: %d is %d", async (seed, expected) => {
    expect((await inputOf("complete", { seed })).seed).toBe(expected);
  });

  it.each([1.5, 2 ** 64, "7"])("is no seed that is not a 64-bit integer: %s", async (seed) => {
    const { complete } = setUp();
    expect(await errorOf(await complete({ model: "m", messages, seed }))).toMatchObject({ status: 400, param: "seed" });
  });

  const schema = { type: "object", properties: { a: { type: "integer" } } };
  const json = { type: "json_schema", schema };
  const tag = { format: { type: "any_text" } };

  it.each<[object, object | undefined]>([
    [{ response_format: { type: "text" } }, undefined],
    [{ response_format: { type: "json_object" } }, { type: "json_object" }],
    [{ response_format: { type: "json_schema", json_schema: { name: "x", strict: true, schema } } }, json],
    [{ response_format: { type: "json_schema", json_schema: { name: "x" } } }, { type: "json_object" }],
    [
      { response_format: { type: "structural_tag", ...tag } },
      { type: "structural_tag", tag: { type: "structural_tag", ...tag } },
    ],
    [{ structured_outputs: { json: schema } }, json],
    [{ structured_outputs: { json: JSON.stringify(schema), regex: null, json_object: false } }, json],
    [{ structured_outputs: { json: false } }, { type: "json_schema", schema: false }],
    [{ structured_outputs: { regex: "a+" } }, { type: "regex", pattern: "a+" }],
    [{ structured_outputs: { choice: ["a", "b"] } }, { type: "choice", choices: ["a", "b"] }],
    [{ structured_outputs: { grammar: "root ::= x" } }, { type: "grammar", ebnf: "root ::= x" }],
    [{ structured_outputs: { json_object: true } }, { type: "json_object" }],
    [
      { structured_outputs: { structural_tag: JSON.stringify(tag) } },
      { type: "structural_tag", tag: JSON.stringify(tag) },
    ],
    [{ guided_json: schema }, json],
    [{ guided_json: JSON.stringify(schema), guided_regex: null }, json],
    [{ guided_regex: "a+" }, { type: "regex", pattern: "a+" }],
    [{ guided_choice: ["a"] }, { type: "choice", choices: ["a"] }],
    [{ guided_grammar: "root ::= x" }, { type: "grammar", ebnf: "root ::= x" }],
  ])("is the constraint of %j", async (extra, constraint) => {
    expect((await inputOf("complete", extra)).constraint).toEqual(constraint);
  });

  it("is the same constraint from the native route", async () => {
    expect((await inputOf("infer", { structuredOutputs: { choice: ["a"] } })).constraint).toEqual({
      type: "choice",
      choices: ["a"],
    });
    const responseFormat = { type: "json_schema", json_schema: { name: "x", schema } };
    expect((await inputOf("infer", { responseFormat })).constraint).toEqual(json);
  });

  it.each([
    [{ structured_outputs: { json: {}, disable_any_whitespace: true } }, { disableAnyWhitespace: true }],
    [{ structured_outputs: { json: {}, whitespace_pattern: " ?" } }, { whitespacePattern: " ?" }],
    [{ guided_json: {}, guided_whitespace_pattern: " ?" }, { whitespacePattern: " ?" }],
    [
      { guided_json: {}, disable_any_whitespace: true, disable_additional_properties: true },
      { disableAnyWhitespace: true, disableAdditionalProperties: true },
    ],
    [
      { response_format: { type: "json_object" }, disable_any_whitespace: true, disable_additional_properties: false },
      { disableAnyWhitespace: true },
    ],
  ])("is how JSON is laid out: %j", async (extra, options) => {
    expect((await inputOf("complete", extra)).constraintOptions).toEqual(options);
  });

  it.each([
    [{ guided_regex: "a", guided_choice: ["b"] }, "guided_choice"],
    [{ response_format: { type: "json_object" }, structured_outputs: { regex: "a" } }, "structured_outputs.regex"],
    [{ structured_outputs: { regex: "a", grammar: "b" } }, "structured_outputs.grammar"],
    [{ structured_outputs: {} }, "structured_outputs"],
    [{ structured_outputs: { json_object: false } }, "structured_outputs"],
    [{ structured_outputs: { choices: ["a"] } }, "structured_outputs.choices"],
    [{ structured_outputs: { choice: [] } }, "structured_outputs.choice"],
    [{ structured_outputs: { json: "{" } }, "structured_outputs.json"],
    [{ guided_whitespace_pattern: " " }, "guided_whitespace_pattern"],
    [{ disable_any_whitespace: true }, "disable_any_whitespace"],
    [{ response_format: { type: "json_object", schema: {} } }, "response_format.schema"],
    [{ response_format: { type: "yaml" } }, "response_format.type"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema"],
    [{ response_format: { type: "json_schema", json_schema: { schema: {} } } }, "response_format.json_schema.name"],
    [{ response_format: { type: "json_schema", json_schema: { name: "a b" } } }, "response_format.json_schema.name"],
    [{ top_logprobs: 3 }, "top_logprobs"],
    [{ logprobs: true, top_logprobs: 21 }, "top_logprobs"],
    [{ n: 0 }, "n"],
    [{ n: 129 }, "n"],
    [{ logit_bias: { "3": 101 } }, "logit_bias.3"],
    [{ frequency_penalty: 2.1 }, "frequency_penalty"],
  ])("is never a request that contradicts itself: %j", async (extra, param) => {
    const { complete } = setUp({ fake: { can: generateOptions } });
    const error = await errorOf(await complete({ model: "m", messages, ...extra }));
    expect(error).toMatchObject({ status: 400, code: "invalid_request", param });
  });
});

describe("several choices", () => {
  const fake = { reply: (_: GenerateInput, index: number) => ["one two", "three"][index]! };

  it("are numbered, each with its own end, and counted together", async () => {
    const { complete } = setUp({ fake });
    const body = (await (await complete({ model: "m", messages, n: 2, max_tokens: 1 })).json()) as ChatCompletion;
    expect(body.choices).toMatchObject([
      { index: 0, message: { content: "one " }, finish_reason: "length" },
      { index: 1, message: { content: "three" }, finish_reason: "stop" },
    ]);
    expect(body.usage).toEqual({ prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 });
  });

  it("stream with a role, a text and a finish reason each", async () => {
    const { complete } = setUp({ fake });
    const chunks = await chunksOf(await complete({ model: "m", messages, n: 2, stream: true }));
    for (const chunk of chunks) expect(chunk.choices).toHaveLength(1);
    for (const [index, text] of ["one two", "three"].entries()) {
      const own = chunks.map(({ choices }) => choices[0]!).filter((choice) => choice.index === index);
      expect(own[0]!.delta.role).toBe("assistant");
      expect(own.map(({ delta }) => delta.content ?? "").join("")).toBe(text);
      expect(own.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual(["stop"]);
    }
  });
});

describe("log probabilities", () => {
  const entry = (token: string, logprob: number) => ({ token, logprob, bytes: [...Buffer.from(token)] });
  function scripted(): TestAppOptions {
    const { runner } = createTestApp({ fake: { can: generateOptions } });
    runner.generate = async function* () {
      yield { type: "delta", delta: "a", logprobs: [{ ...entry("a", -0.5), top: [entry("a", -0.5)] }] };
      yield { type: "delta", delta: "b", logprobs: [{ ...entry("b", Number.NEGATIVE_INFINITY), top: [] }] };
      yield { type: "done", finishReason: "stop", promptTokens: 1, completionTokens: 2 };
    };
    return { runner };
  }
  const content = [
    { token: "a", logprob: -0.5, bytes: [97], top_logprobs: [{ token: "a", logprob: -0.5, bytes: [97] }] },
    { token: "b", logprob: -9999, bytes: [98], top_logprobs: [] },
  ];

  it("lie in OpenAI's shape beside the text they are of", async () => {
    const { complete } = setUp(scripted());
    const body = (await (await complete({ model: "m", messages, logprobs: true })).json()) as ChatCompletion;
    expect(body.choices[0]!.logprobs).toEqual({ content, refusal: null });
    const streamed = await chunksOf(await complete({ model: "m", messages, logprobs: true, stream: true }));
    const entries = streamed.flatMap(({ choices }) => choices[0]!.logprobs?.content ?? []);
    expect(entries).toEqual(content);
  });
});

describe("what is counted", () => {
  it("is what was generated", async () => {
    const { complete, app } = setUp();
    await contentOf(await complete({ model: "m", messages }));
    await chunksOf(await complete({ model: "m", messages, stream: true }));
    expect(app.counters.read()).toEqual({
      generations: 2,
      promptTokens: 4,
      completionTokens: 6,
      constraintViolations: 0,
    });
  });

  it.each([true, false])("is every answer that broke its constraint, which is an error (stream %s)", async (stream) => {
    const { runner } = createTestApp({ fake: { can: generateOptions } });
    runner.generate = async function* () {
      yield { type: "delta", delta: "{" };
      throw new MidrunError("constraint_violated", "It is not JSON.");
    };
    const { complete, app } = setUp({ runner });
    const response = await complete({ model: "m", messages, stream, response_format: { type: "json_object" } });
    expect(response.status).toBe(stream ? 200 : 500);
    const text = await response.text();
    expect(text).toContain('"code":"constraint_violated"');
    expect(text).not.toContain("[DONE]");
    expect(app.counters.read().constraintViolations).toBe(1);
  });
});

describe("what the engine refuses", () => {
  const refusing = (param: string): TestAppOptions => {
    const { runner } = createTestApp({ fake: { can: generateOptions } });
    // biome-ignore lint/correctness/useYield: it fails before the first event
    runner.generate = async function* () {
      throw new MidrunError("invalid_request", "#/properties/a/format: It is not known.", { param });
    };
    return { runner };
  };

  it.each<[string, object, string]>([
    ["constraint", { response_format: { type: "json_object" } }, "response_format"],
    ["constraint", { structured_outputs: { json: {} } }, "structured_outputs.json"],
    ["constraint", { guided_json: {} }, "guided_json"],
    ["logitBias", { logit_bias: { "5": 1 } }, "logit_bias"],
    ["messages", {}, "messages"],
  ])("%s is a 400 about the request's own field, before the stream: %j", async (inner, extra, param) => {
    const { complete } = setUp(refusing(inner));
    for (const stream of [true, false]) {
      const error = await errorOf(await complete({ model: "m", messages, stream, ...extra }));
      expect(error).toMatchObject({ status: 400, param });
      expect(error.message).toContain("#/properties/a/format");
    }
  });
});

describe("which weights answer", () => {
  it("is what the model's name says: base, final adapter or checkpoint", async () => {
    const { complete, trained } = setUp({ fake: { steps: 4, saveSteps: 2 } });
    const { fineTunedModel: name } = await trained();
    const answerOf = async (model: string) => contentOf(await complete({ model, messages }));
    expect(await answerOf("org/base")).toBe("org/base: hello there");
    expect(await answerOf(name!)).toBe("adapter: hello there");
    expect(await answerOf(`${name}:ckpt-step-2`)).toBe("step-000002: hello there");
    const echoed = (await (await complete({ model: `${name}:ckpt-step-2`, messages })).json()) as ChatCompletion;
    expect(echoed.model).toBe(`${name}:ckpt-step-2`);
  });

  it("is what the adapter says, on the native route", async () => {
    const { infer, trained } = setUp({ fake: { steps: 4, saveSteps: 2 } });
    const { id: jobId } = await trained();
    const answerOf = async (adapter: object) => contentOf(await infer({ adapter, messages, stream: false }));
    expect(await answerOf({ kind: "checkpoint", jobId, step: 2 })).toBe("step-000002: hello there");
    expect(await answerOf({ kind: "final", jobId })).toBe("adapter: hello there");
  });

  it("may be a checkpoint of a job in training", async () => {
    const { post, infer, runner } = setUp({ fake: { manual: true, steps: 9, saveSteps: 1 } });
    const { id: jobId } = (await (await post("/v1/jobs", spec)).json()) as Job;
    await runner.advance();
    const adapter = { kind: "checkpoint", jobId, step: 1 };
    const chunks = await chunksOf(await infer({ adapter, messages }));
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("step-000001: hello there");
    expect(await errorOf(await infer({ adapter: { kind: "final", jobId }, messages }))).toMatchObject({
      status: 404,
      code: "model_not_found",
      message: expect.stringMatching(
        /is running\. Its newest checkpoint is "ft:org\/base:midrun:run:\w{8}:ckpt-step-1"/,
      ),
    });
  });

  it.each([
    [{ loadIn4bit: true }, 4],
    [{ loadIn8bit: true }, 8],
    [{}, null],
  ])("of a job with lora %j is asked with the weights that it was trained on", async (lora, weightBits) => {
    let got: GenerateInput | undefined;
    const reply = (input: GenerateInput) => {
      got = input;
      return "ok";
    };
    const { complete, trained } = setUp({ fake: { reply } });
    const { fineTunedModel } = await trained({ lora });
    await contentOf(await complete({ model: fineTunedModel!, messages }));
    expect(got).toMatchObject({ adapterDir: expect.any(String), weightBits });
  });

  it("after full fine-tuning is the new model itself", async () => {
    let got: GenerateInput | undefined;
    const { complete, trained } = setUp({
      fake: {
        reply: (input) => {
          got = input;
          return "ok";
        },
      },
    });
    const { fineTunedModel, id } = await trained({ lora: false });
    await contentOf(await complete({ model: fineTunedModel!, messages }));
    expect(got).toMatchObject({ model: `/midrun-test/jobs/${id}/adapter`, adapterDir: null });
  });

  it("must exist", async () => {
    const { complete, infer, trained } = setUp({ fake: { steps: 2, saveSteps: 2 } });
    const { fineTunedModel, id } = await trained();
    for (const model of ["ft:org/base:midrun:run:aaaaaaaa", "ft:", `${fineTunedModel}:ckpt-step-1`]) {
      const error = await errorOf(await complete({ model, messages }));
      expect(error).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    }
    const ask = async (adapter: object) => errorOf(await infer({ adapter, messages }));
    expect(await ask({ kind: "final", jobId: "job_x" })).toMatchObject({ status: 404, code: "job_not_found" });
    expect(await ask({ kind: "checkpoint", jobId: id, step: 7 })).toMatchObject({
      status: 404,
      message: `Job ${id} has no checkpoint of step 7. It has: 2.`,
    });
  });

  it("is asked for once, and correctly, on the native route", async () => {
    const { infer } = setUp();
    const adapter = { kind: "final", jobId: "job_x" };
    for (const target of [{}, { model: "m", adapter }]) {
      expect(await errorOf(await infer({ ...target, messages }))).toMatchObject({ status: 400, param: "model" });
    }
    expect(await errorOf(await infer({ model: "m", messages, maxToken: 1 }))).toMatchObject({
      param: "maxToken",
      message: 'Unknown field "maxToken". Did you mean "maxTokens"?',
    });
    expect(await errorOf(await infer({ adapter: { kind: "checkpoint", jobId: "j" }, messages }))).toMatchObject({
      param: "adapter.step",
    });
  });

  it("streams by default on the native route", async () => {
    const { infer } = setUp();
    expect((await chunksOf(await infer({ model: "m", messages }))).at(-1)?.choices[0]?.finish_reason).toBe("stop");
  });
});

describe("a generation that fails", () => {
  /** A runner whose generation gives `pieces`, then throws. */
  const failing = (pieces: string[], error: unknown): TestAppOptions => {
    const app = createTestApp();
    app.runner.generate = async function* () {
      for (const delta of pieces) yield { type: "delta" as const, delta };
      throw error;
    };
    return { runner: app.runner };
  };
  const tooLong = new MidrunError("context_length_exceeded", "The prompt has 9 tokens, the model takes 8.", {
    param: "messages",
  });

  it.each([true, false])("before the first token is an HTTP error (stream %s)", async (stream) => {
    const { complete } = setUp(failing([], tooLong));
    expect(await errorOf(await complete({ model: "m", messages, stream }))).toEqual({
      status: 400,
      message: "The prompt has 9 tokens, the model takes 8.",
      type: "invalid_request_error",
      param: "messages",
      code: "context_length_exceeded",
    });
  });

  it("in mid-stream is told inside the stream, which then ends without [DONE]", async () => {
    const crash = new MidrunError("worker_crashed", "The worker died.", { hint: "Ask again." });
    const { complete } = setUp(failing(["a"], crash));
    const response = await complete({ model: "m", messages, stream: true });
    const frames = (await response.text()).split("\n\n").filter((frame) => frame !== "");
    expect(frames).toHaveLength(3);
    expect(JSON.parse(frames.at(-1)!.slice(6))).toEqual({
      error: { message: "The worker died. Ask again.", type: "server_error", param: null, code: "worker_crashed" },
    });
  });

  it("in a way nobody foresaw tells nothing of the inside", async () => {
    const { complete, errors } = setUp(failing(["a"], new TypeError("secret")), { expectedErrors: 1 });
    const response = await complete({ model: "m", messages, stream: true });
    const text = await response.text();
    expect(text).toContain(response.headers.get("x-request-id"));
    expect(text).not.toContain("secret");
    expect(errors).toMatchObject([{ message: "secret" }]);
  });

  it("by ending without a finish reason is not passed off as finished", async () => {
    const { runner } = createTestApp();
    runner.generate = async function* () {
      yield { type: "delta", delta: "a" };
    };
    const { complete } = setUp({ runner }, { expectedErrors: 2 });
    expect((await complete({ model: "m", messages })).status).toBe(500);
    expect(await (await complete({ model: "m", messages, stream: true })).text()).not.toContain("[DONE]");
  });
});

describe("a reader that goes away", () => {
  /** A runner that generates until it is stopped, and says so. */
  function endless() {
    const stopped = Promise.withResolvers<unknown>();
    const { runner } = createTestApp();
    runner.generate = async function* ({ signal }) {
      signal.addEventListener("abort", () => stopped.resolve(signal.reason));
      for (;;) {
        await new Promise(setImmediate);
        if (signal.aborted) throw new MidrunError("aborted", "The generation was aborted.");
        yield { type: "delta", delta: "x" };
      }
    };
    return { runner, stopped: stopped.promise };
  }

  it("ends the generation by leaving the stream", async () => {
    const { runner, stopped } = endless();
    const { complete } = setUp({ runner });
    const response = await complete({ model: "m", messages, stream: true });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel("left");
    expect(await stopped).toBe("left");
  });

  it.each([true, false])("ends the generation by its signal (stream %s)", async (stream) => {
    const { runner, stopped } = endless();
    const { complete } = setUp({ runner });
    const controller = new AbortController();
    const answered = complete({ model: "m", messages, stream }, { signal: controller.signal });
    await new Promise(setImmediate);
    controller.abort("enough");
    expect(await stopped).toBe("enough");
    await (await answered).text();
  });
});
