import type OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { collect, createOpenAITest, type OpenAITest } from "../testing-openai.ts";

let t: OpenAITest;
beforeEach(() => {
  t = createOpenAITest();
});
afterEach(async () => {
  await t.close();
  expect(t.errors).toEqual([]);
});

const completions = () => t.openai.chat.completions;
const ask = (content: string, extra: { model?: string; metadata?: Record<string, string>; store?: boolean } = {}) =>
  completions().create({ model: "base", store: true, messages: [{ role: "user", content }], ...extra });
const ids = async (query: OpenAI.ChatCompletionListParams = {}) =>
  (await collect(completions().list({ limit: 2, ...query }))).map(({ id }) => id);

describe("chat completions that are stored", () => {
  it("are kept as they were answered, with what they were asked", async () => {
    const request = { temperature: 0, seed: 3, user: "me", metadata: { team: "x" }, store: true };
    const messages = [{ role: "user" as const, content: "hello" }];
    const { data: answer, response } = await completions()
      .create({ model: "base", messages, ...request })
      .withResponse();
    expect(response.headers.get("x-midrun-ignored")).toBe("user");
    const kept = await completions().retrieve(answer.id);
    expect(kept).toEqual({
      ...answer,
      metadata: { team: "x" },
      request_id: response.headers.get("x-request-id"),
      ...{ temperature: 0, seed: 3, input_user: "me", top_p: null, tools: null, tool_choice: null },
      ...{ presence_penalty: null, frequency_penalty: null, response_format: null },
    });
  });

  it("are kept when they are streamed, before the stream ends", async () => {
    const stream = await completions().create({
      model: "base",
      messages: [{ role: "user", content: "one two three" }],
      store: true,
      stream: true,
    });
    let id = "";
    let text = "";
    for await (const chunk of stream) {
      id = chunk.id;
      text += chunk.choices[0]?.delta.content ?? "";
      if (chunk.choices[0]?.finish_reason) expect(await ids()).toEqual([id]);
    }
    expect(await completions().retrieve(id)).toMatchObject({
      object: "chat.completion",
      choices: [{ message: { role: "assistant", content: text }, finish_reason: "stop" }],
      usage: { completion_tokens: 4 },
    });
  });

  it("are only those that were asked to be", async () => {
    await ask("a", { store: false });
    const { data, response } = await completions()
      .create({ model: "base", messages: [{ role: "user", content: "b" }], metadata: { a: "b" } })
      .withResponse();
    expect(response.headers.get("x-midrun-ignored")).toBe("metadata");
    expect(await ids()).toEqual([]);
    await expect(completions().retrieve(data.id)).rejects.toMatchObject({ status: 404, param: "completion_id" });
  });

  it("are not those that broke off", async () => {
    const reply = () => {
      throw new Error("no");
    };
    const broken = createOpenAITest({ fake: { reply } });
    const request = { model: "base", store: true, messages: [{ role: "user" as const, content: "a" }] };
    await expect(broken.openai.chat.completions.create(request)).rejects.toMatchObject({ status: 500 });
    expect((await broken.openai.chat.completions.list()).data).toEqual([]);
    await broken.close();
  });

  it("are listed oldest first or last, by model and metadata, page by page", async () => {
    const made: string[] = [];
    for (const [i, model] of ["base", "other", "base", "base"].entries()) {
      made.push((await ask(`${i}`, { model, metadata: { even: String(i % 2 === 0), empty: "" } })).id);
    }
    expect(await ids()).toEqual(made);
    expect(await ids({ order: "desc" })).toEqual(made.toReversed());
    expect(await ids({ model: "base" })).toEqual([made[0], made[2], made[3]]);
    expect(await ids({ metadata: { even: "true" } })).toEqual([made[0], made[2]]);
    expect(await ids({ metadata: { even: "true", empty: "x" } })).toEqual([]);
    expect((await t.send("GET", "/v1/chat/completions?limit=1")).body).toMatchObject({
      ...{ object: "list", first_id: made[0], last_id: made[0], has_more: true },
    });
    expect((await t.send("GET", "/v1/chat/completions?after=x")).body).toMatchObject({ data: [], has_more: false });
  });

  it("change their metadata, and nothing else", async () => {
    const { id } = await ask("a", { metadata: { a: "1" } });
    const before = await completions().retrieve(id);
    expect(await completions().update(id, { metadata: { b: "2" } })).toEqual({ ...before, metadata: { b: "2" } });
    expect(await ids({ metadata: { b: "2" } })).toEqual([id]);
    expect(await completions().update(id, { metadata: null })).toMatchObject({ metadata: {} });
    expect(await t.send("POST", `/v1/chat/completions/${id}`, { metadata: { a: 1 } })).toMatchObject({
      status: 400,
      body: { error: { param: "metadata.a", code: "invalid_type" } },
    });
    expect(await t.send("POST", `/v1/chat/completions/${id}`, {})).toMatchObject({
      body: { error: { code: "missing_required_parameter" } },
    });
    await expect(completions().update("chatcmpl-x", { metadata: {} })).rejects.toMatchObject({ status: 404 });
  });

  it("are deleted once", async () => {
    const { id } = await ask("a");
    expect(await completions().delete(id)).toEqual({ id, object: "chat.completion.deleted", deleted: true });
    await expect(completions().delete(id)).rejects.toMatchObject({ status: 404, code: null });
    await expect(completions().retrieve(id)).rejects.toMatchObject({ status: 404 });
    await expect(completions().messages.list(id)).rejects.toMatchObject({ status: 404 });
  });

  it("tell the messages that they answer", async () => {
    const parts = [
      { type: "text" as const, text: "hel" },
      { type: "text" as const, text: "lo" },
    ];
    const { id } = await completions().create({
      model: "base",
      store: true,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: parts },
      ],
    });
    const list = (order: "asc" | "desc" = "asc") => collect(completions().messages.list(id, { order, limit: 1 }));
    expect(await list()).toEqual([
      { id: `${id}-0`, role: "system", content: "Be brief.", content_parts: null, refusal: null },
      { id: `${id}-1`, role: "user", content: "hello", content_parts: parts, refusal: null },
    ]);
    expect((await list("desc")).map((message) => message.id)).toEqual([`${id}-1`, `${id}-0`]);
  });

  it.each([
    [{ metadata: { a: 1 } }, "metadata.a", "invalid_type"],
    [{ metadata: { a: "x".repeat(513) } }, "metadata.a", "string_above_max_length"],
    [{ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [i, ""])) }, "metadata", "invalid_value"],
    [{ store: "yes" }, "store", "invalid_type"],
  ])("are refused with %j", async (fields, param, code) => {
    const body = { model: "base", store: true, messages: [{ role: "user", content: "a" }], ...fields };
    const error = { param, code, type: "invalid_request_error" };
    expect(await t.send("POST", "/v1/chat/completions", body)).toMatchObject({ status: 400, body: { error } });
  });
});
