/** Chat as people's programs speak it: the `openai` package and the AI SDK, against a server on a port with the real engine. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, streamText } from "ai";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { createClient } from "../client/client.ts";
import type { InferArgs } from "../client/infer.ts";
import { readText } from "../client/read.ts";
import type { ChatCompletion, ChatCompletionChunk } from "../protocol/chat.ts";
import { tinyModel, useEngineServer } from "./testing-engine.ts";
import { createOpenAITest } from "./testing-openai.ts";

const engine = useEngineServer();

const messages = [{ role: "user" as const, content: "Say red." }];
const plain = { model: tinyModel, messages, seed: 1, max_tokens: 24 };
const patiently = { timeout: 50_000, interval: 20 };

const Answer = z.object({ color: z.enum(["red", "blue"]), size: z.number().int().min(3).max(12) });
const response_format = zodResponseFormat(Answer, "answer");

describe("the openai package", () => {
  it("has a type for what it is given", () => {
    const whole: (ours: ChatCompletion) => OpenAI.ChatCompletion = (ours) => ours;
    const part: (ours: ChatCompletionChunk) => OpenAI.ChatCompletionChunk = (ours) => ours;
    expect([whole, part]).toHaveLength(2);
  });

  it("parses an answer with a zod schema", async () => {
    const { choices } = await engine.openai.chat.completions.parse({ ...plain, max_tokens: 400, response_format });
    const { parsed } = choices[0]!.message;
    expect(parsed!.color).toMatch(/^(red|blue)$/);
    expect(Answer.safeParse(parsed).success).toBe(true);
  });

  it("streams: snapshots grow to the whole answer, in choices of their own, with usage", async () => {
    const request = { ...plain, n: 2, temperature: 1.5, stream_options: { include_usage: true } };
    const stream = engine.openai.chat.completions.stream(request);
    const seen = ["", ""];
    for await (const { choices } of stream) for (const { index, delta } of choices) seen[index] += delta.content ?? "";
    const final = await stream.finalChatCompletion();
    expect(final.choices.map(({ message }) => message.content)).toEqual(seen);
    expect(seen[0]).not.toBe(seen[1]);
    const whole = await engine.openai.chat.completions.create({ ...request, stream: false, stream_options: null });
    expect(whole.choices.map(({ message }) => message.content)).toEqual(seen);
    expect(final.usage).toEqual(whole.usage);
  });

  it("streams a parsed answer", async () => {
    const stream = engine.openai.chat.completions.stream({ ...plain, max_tokens: 400, response_format });
    const { choices } = await stream.finalChatCompletion();
    expect(Answer.safeParse(choices[0]!.message.parsed).success).toBe(true);
  });

  it("gets log-probabilities whose bytes are the text, streamed and whole", async () => {
    const request = { ...plain, logprobs: true, top_logprobs: 3, temperature: 1.5 };
    const { choices } = await engine.openai.chat.completions.create(request);
    const entries = choices[0]!.logprobs!.content!;
    expect(entries.length).toBeGreaterThan(3);
    for (const { token, logprob, top_logprobs } of entries) {
      expect(logprob).toBeLessThanOrEqual(0);
      expect(top_logprobs).toHaveLength(3);
      const listed = top_logprobs.find((other) => other.token === token);
      if (listed && token.length > 0) expect(top_logprobs[0]!.logprob).toBeGreaterThanOrEqual(logprob);
    }
    const text = Buffer.from(entries.flatMap(({ bytes }) => bytes!)).toString();
    expect(text).toBe(choices[0]!.message.content);
    const streamed: typeof entries = [];
    for await (const chunk of await engine.openai.chat.completions.create({ ...request, stream: true }))
      streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []));
    expect(streamed).toEqual(entries);
  });

  it("is heard in logit_bias, penalties and stop", async () => {
    const textOf = async (extra: object) =>
      (await engine.openai.chat.completions.create({ ...plain, temperature: 0, ...extra })).choices[0]!;
    const { message } = await textOf({ logit_bias: { "65": 100 }, max_tokens: 4 });
    expect(new Set(message.content)).toHaveProperty("size", 1);
    const penalized = await textOf({ logit_bias: { "65": 1 }, frequency_penalty: 2, presence_penalty: 2 });
    expect(penalized.message.content).not.toBe((await textOf({ logit_bias: { "65": 1 } })).message.content);
    const whole = (await textOf({})).message.content!;
    const stop = whole.slice(2, 5);
    expect(await textOf({ stop })).toMatchObject({
      finish_reason: "stop",
      message: { content: whole.slice(0, whole.indexOf(stop)) },
    });
  });

  it("learns of a schema that cannot be enforced before the stream begins", async () => {
    const schema = { type: "object", properties: { tags: { type: "array", items: {}, uniqueItems: true } } };
    const format = { type: "json_schema" as const, json_schema: { name: "x", schema } };
    for (const stream of [true, false]) {
      const asking = engine.openai.chat.completions.create({ ...plain, stream, response_format: format });
      await expect(asking).rejects.toMatchObject({
        status: 400,
        param: "response_format",
        code: "invalid_request",
        message: expect.stringMatching(/response_format: #\/properties\/tags\/uniqueItems: /),
      });
    }
  });

  it("learns that the context is too short", async () => {
    const long = [{ role: "user" as const, content: "red ".repeat(600) }];
    await expect(
      engine.openai.chat.completions.create({ ...plain, messages: long, stream: true }),
    ).rejects.toMatchObject({
      status: 400,
      param: "messages",
      code: "context_length_exceeded",
    });
  });

  it("learns that a token is not the model's", async () => {
    const asking = engine.openai.chat.completions.create({ ...plain, logit_bias: { "9999": 1 } });
    await expect(asking).rejects.toMatchObject({ status: 400, param: "logit_bias" });
  });

  it("ends a generation by leaving its stream, and by giving up on an answer", async () => {
    const endless = { ...plain, max_tokens: 480, min_tokens: 480, n: 128 };
    const stream = await engine.openai.chat.completions.create({ ...endless, stream: true });
    for await (const _ of stream) break;
    await expect.poll(engine.server.generating, patiently).toBe(0);

    const controller = new AbortController();
    const asking = engine.openai.chat.completions.create(endless, { signal: controller.signal });
    await expect.poll(engine.server.generating, patiently).toBe(1);
    controller.abort();
    await expect(asking).rejects.toThrow(OpenAI.APIUserAbortError);
    await expect.poll(engine.server.generating, patiently).toBe(0);
    expect((await engine.openai.chat.completions.create(plain)).choices).toHaveLength(1);
  });

  it("throws what goes wrong in mid-stream", async () => {
    const test = createOpenAITest();
    test.runner.generate = async function* () {
      yield { type: "delta", delta: "a" };
      throw new Error("a fault");
    };
    const reading = (async () => {
      for await (const _ of await test.openai.chat.completions.create({ ...plain, stream: true }));
    })();
    await expect(reading).rejects.toThrow(OpenAI.APIError);
    expect(test.errors).toHaveLength(1);
    await test.close();
  });
});

describe("infer", () => {
  const infer = (args: Partial<InferArgs>) =>
    createClient({ baseURL: engine.server.baseURL.replace("/v1", "") }).models.infer(tinyModel, {
      messages,
      seed: 1,
      ...args,
    });

  it("constrains its answer in both ways", async () => {
    expect(await readText(await infer({ structuredOutputs: { regex: "[ab]{3}" } }))).toMatch(/^[ab]{3}$/);
    const responseFormat = {
      type: "json_schema" as const,
      json_schema: { name: "answer", schema: z.toJSONSchema(Answer) as Record<string, unknown> },
    };
    const text = await readText(await infer({ responseFormat, maxTokens: 400 }));
    expect(Answer.safeParse(JSON.parse(text)).success).toBe(true);
  });

  it("samples as it is told, and answers as often", async () => {
    const response = await infer({ n: 2, topK: 1, maxTokens: 3, logprobs: true, topLogprobs: 1, stream: false });
    const { choices } = (await response.json()) as ChatCompletion;
    expect(choices).toHaveLength(2);
    expect(choices[0]!.message.content).toBe(choices[1]!.message.content);
    for (const { token, top_logprobs } of choices[0]!.logprobs!.content) expect(top_logprobs[0]!.token).toBe(token);
  });

  it("is refused what cannot be enforced, by the name of its field", async () => {
    await expect(infer({ structuredOutputs: { regex: "(a)\\1" } })).rejects.toMatchObject({
      status: 400,
      param: "structuredOutputs.regex",
      message: expect.stringMatching(/^structuredOutputs\.regex: pattern: /),
    });
  });
});

describe("the AI SDK", () => {
  beforeAll(() => vi.stubGlobal("AI_SDK_LOG_WARNINGS", false));
  afterAll(() => vi.unstubAllGlobals());

  const model = () => {
    const options = {
      name: "midrun",
      baseURL: engine.server.baseURL,
      includeUsage: true,
      supportsStructuredOutputs: true,
    };
    return createOpenAICompatible(options)(tinyModel);
  };
  const settings = { prompt: "Say red.", seed: 1, maxRetries: 0 };

  it("streams text with its end and its tokens", async () => {
    const result = streamText({ model: model(), ...settings, temperature: 1, maxOutputTokens: 24 });
    let text = "";
    for await (const part of result.textStream) text += part;
    const whole = await engine.openai.chat.completions.create({ ...plain, temperature: 1 });
    expect(text).toBe(whole.choices[0]!.message.content);
    expect(await result.finishReason).toBe(whole.choices[0]!.finish_reason);
    expect((await result.usage).outputTokens).toBe(whole.usage!.completion_tokens);
  });

  it("generates an object of a schema", async () => {
    const { object } = await generateObject({ model: model(), ...settings, schema: Answer, maxOutputTokens: 400 });
    expect(Answer.safeParse(object).success).toBe(true);
  });

  it("passes vLLM's fields on", async () => {
    const providerOptions = { midrun: { structured_outputs: { choice: ["yes", "no"] } } };
    const result = streamText({ model: model(), ...settings, providerOptions });
    expect(["yes", "no"]).toContain(await result.text);
  });
});
