import type OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MidrunError } from "../../errors.ts";
import type { GenerateEvent } from "../runner.ts";
import { tinyModel, useEngineServer } from "../testing-engine.ts";
import { createOpenAITest, type OpenAITest } from "../testing-openai.ts";

const complete = (openai: OpenAI, body: Partial<OpenAI.CompletionCreateParamsNonStreaming>) =>
  openai.completions.create({ model: "base", prompt: "one two", ...body });

describe("text completions", () => {
  let t: OpenAITest;
  beforeEach(() => {
    t = createOpenAITest();
  });
  afterEach(async () => {
    await t.close();
    expect(t.errors).toEqual([]);
  });

  it("are OpenAI's object", async () => {
    expect(await complete(t.openai, {})).toEqual({
      id: expect.stringMatching(/^cmpl-[0-9A-Za-z]{24}$/),
      object: "text_completion",
      created: 1767225600,
      model: "base",
      choices: [{ index: 0, text: "base: one two", logprobs: null, finish_reason: "stop" }],
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
    });
  });

  it("answer every prompt as often as asked, and repeat it when asked", async () => {
    const prompt = ["a", "b c"];
    const { choices, usage } = await complete(t.openai, { prompt, n: 2, best_of: 2, echo: true, max_tokens: 2 });
    expect(choices.map(({ index, text, finish_reason }) => [index, text, finish_reason])).toEqual([
      [0, "abase: a", "stop"],
      [1, "abase: a", "stop"],
      [2, "b cbase: b ", "length"],
      [3, "b cbase: b ", "length"],
    ]);
    expect(usage).toEqual({ prompt_tokens: 3, completion_tokens: 8, total_tokens: 11 });
    expect((await complete(t.openai, { prompt: [[1, 2], [3]] })).choices.map(({ text }) => text)).toEqual([
      "base: 1,2",
      "base: 3",
    ]);
    expect((await complete(t.openai, { prompt: [7, 8], stop: ",8" })).choices[0]!.text).toBe("base: 7");
  });

  it("stream the same, each choice in order, with usage in a chunk of its own", async () => {
    const request = { model: "base", prompt: ["a b", "c"], n: 2, echo: true };
    const whole = await t.openai.completions.create(request);
    const options = { include_usage: true };
    const stream = await t.openai.completions.create({ ...request, stream: true, stream_options: options });
    const texts = ["", "", "", ""];
    const reasons: string[] = [];
    const usages: unknown[] = [];
    for await (const { choices, usage, object } of stream) {
      expect(object).toBe("text_completion");
      for (const { index, text, finish_reason } of choices) {
        expect(reasons[index]).toBeUndefined();
        texts[index] += text;
        if (finish_reason) reasons[index] = finish_reason;
      }
      usages.push(choices.length === 0 ? usage : null);
    }
    expect(texts).toEqual(whole.choices.map(({ text }) => text));
    expect(reasons).toEqual(["stop", "stop", "stop", "stop"]);
    expect(usages.filter(Boolean)).toEqual([whole.usage]);
    expect(usages.at(-1)).toEqual(whole.usage);
    const raw = await t.fetch("/v1/completions", {
      method: "POST",
      body: JSON.stringify({ ...request, stream: true }),
    });
    const text = await raw.text();
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(text).not.toContain("usage");
  });

  it.each<[object, string, string | null]>([
    [{ prompt: undefined }, "prompt", "missing_required_parameter"],
    [{ prompt: [] }, "prompt", null],
    [{ prompt: ["a", 1] }, "prompt", null],
    [{ prompt: { text: "a" } }, "prompt", null],
    [{ best_of: 3 }, "best_of", null],
    [{ suffix: "end" }, "suffix", null],
    [{ logprobs: 21 }, "logprobs", "integer_above_max_value"],
    [{ echo: true, logprobs: 1 }, "echo", null],
    [{ echo: true, prompt: [1, 2] }, "echo", null],
    [{ temperature: 3 }, "temperature", "integer_above_max_value"],
    [{ max_tokens: 0 }, "max_tokens", "integer_below_min_value"],
    [{ top_k: 3 }, "top_k", "not_supported"],
    [{ guided_regex: "a", structured_outputs: { regex: "b" } }, "guided_regex", "invalid_request"],
  ])("are refused with %j", async (fields, param, code) => {
    const body = { model: "base", prompt: "a", ...fields };
    const response = await t.send("POST", "/v1/completions", body);
    expect(response).toMatchObject({ status: 400, body: { error: { type: "invalid_request_error" } } });
    expect((response.body as { error: { param: string } }).error.param.replace(/\[.*/, "")).toBe(param);
    if (code) expect(response.body).toMatchObject({ error: { code } });
  });

  it("name what they ignore, and take what clients send without meaning it", async () => {
    const body = { model: "base", prompt: "a", user: "me", best_of: 1, suffix: null, logit_bias: null, echo: null };
    const { status, headers } = await t.send("POST", "/v1/completions", body);
    expect([status, headers.get("x-midrun-ignored")]).toEqual([200, "user"]);
  });

  it("of a model that is not there are a 404", async () => {
    await expect(complete(t.openai, { model: "ft:base:midrun:x:00000000" })).rejects.toMatchObject({ status: 404 });
  });

  it("tell a failure of any prompt, before or inside the stream, and end the others", async () => {
    let ended = 0;
    async function* generate({
      prompt,
      signal,
    }: {
      prompt?: unknown;
      signal: AbortSignal;
    }): AsyncGenerator<GenerateEvent> {
      try {
        yield { type: "delta", delta: "x" };
        if (prompt === "bad") throw new MidrunError("context_length_exceeded", "Too long.", { param: "prompt" });
        if (prompt === "wait") {
          if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
          throw new MidrunError("aborted", "The generation was aborted.");
        }
        yield { type: "done", finishReason: "stop", promptTokens: 1, completionTokens: 1 };
      } finally {
        ended++;
      }
    }
    const test = createOpenAITest({ runner: Object.assign(createOpenAITest().runner, { generate }) });
    const request = { model: "base", prompt: ["good", "bad"] };
    const error = { status: 400, code: "context_length_exceeded", param: "prompt" };
    await expect(test.openai.completions.create(request)).rejects.toMatchObject(error);
    const response = await test.fetch("/v1/completions", {
      method: "POST",
      body: JSON.stringify({ ...request, stream: true }),
    });
    const frames = (await response.text()).trim().split("\n\n");
    expect(JSON.parse(frames.at(-1)!.slice(6))).toMatchObject({ error: { code: "context_length_exceeded" } });
    await expect.poll(() => ended).toBe(4);

    const waiting = JSON.stringify({ model: "base", prompt: ["wait", "wait"], stream: true });
    const reader = (await test.fetch("/v1/completions", { method: "POST", body: waiting })).body!.getReader();
    await reader.read();
    await reader.cancel();
    await expect.poll(() => ended).toBe(6);
    await test.close();
  });
});

describe("text completions of a real model", { timeout: 120_000 }, () => {
  const engine = useEngineServer();

  const ask = (body: Partial<OpenAI.CompletionCreateParamsNonStreaming> & Record<string, unknown>) =>
    engine.openai.completions.create({ model: tinyModel, prompt: "Say red.", temperature: 0, max_tokens: 12, ...body });

  it("continue a text, alone as in company", async () => {
    const prompts = ["Say red.", "Say", "something else"];
    const alone = [];
    for (const prompt of prompts) alone.push((await ask({ prompt })).choices[0]!.text);
    expect((await ask({ prompt: prompts })).choices.map(({ text }) => text)).toEqual(alone);
    expect(new Set(alone).size).toBeGreaterThan(1);
  });

  it("have log-probabilities in lists that fit each other and the text", async () => {
    const { choices } = await ask({ logprobs: 3, temperature: 1, seed: 5 });
    const { text, logprobs } = choices[0]!;
    const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs!;
    expect(tokens).toHaveLength(12);
    for (const list of [token_logprobs!, top_logprobs!, text_offset!]) expect(list).toHaveLength(12);
    expect(text_offset![0]).toBe(0);
    for (const [i, token] of tokens!.entries()) {
      expect(token_logprobs![i]).toBeLessThanOrEqual(0);
      // Unfinished characters look alike.
      const isWhole = !token.includes("\ufffd");
      if (isWhole) expect(top_logprobs![i]![token]).toBeCloseTo(token_logprobs![i]!, 9);
      else expect(top_logprobs![i]![token]).toBeGreaterThanOrEqual(token_logprobs![i]!);
      expect(Object.keys(top_logprobs![i]!).length).toBeLessThanOrEqual(4);
      if (isWhole) expect(text.slice(text_offset![i]).startsWith(token)).toBe(true);
    }
    const streamed = { tokens: [] as string[], offsets: [] as number[] };
    const request = { model: tinyModel, prompt: "Say red.", temperature: 1, seed: 5, max_tokens: 12, logprobs: 3 };
    for await (const chunk of await engine.openai.completions.create({ ...request, stream: true })) {
      streamed.tokens.push(...(chunk.choices[0]!.logprobs?.tokens ?? []));
      streamed.offsets.push(...(chunk.choices[0]!.logprobs?.text_offset ?? []));
    }
    expect(streamed).toEqual({ tokens, offsets: text_offset });
  });

  it("obey constraints at the top level, as vLLM takes them", async () => {
    const { choices } = await ask({
      structured_outputs: { choice: ["red", "green"] },
      n: 3,
      temperature: 1.5,
      seed: 1,
    });
    for (const { text, finish_reason } of choices) {
      expect([finish_reason, text]).toEqual(["stop", expect.stringMatching(/^(red|green)$/)]);
    }
  });

  it("refuse a prompt that does not fit by its own name", async () => {
    await expect(ask({ prompt: "red ".repeat(5000) })).rejects.toMatchObject({
      ...{ status: 400, code: "context_length_exceeded", param: "prompt" },
    });
    await expect(ask({ prompt: [999_999] })).rejects.toMatchObject({ status: 400, param: "prompt" });
  });
});
