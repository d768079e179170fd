/** Chat requests that nobody would send: each is answered or refused, and never the server's fault. */
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createTestApp, type TestApp } from "../../testing.ts";
import { generateOptions } from "../runner.ts";

let app: TestApp;
beforeEach(() => {
  app = createTestApp({ fake: { can: generateOptions, reply: () => "ok" } });
});
afterEach(async () => {
  await app.close();
  expect(app.errors).toEqual([]);
});

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e300, "", "a", [], {}, "__proto__", { toString: 1 }),
  fc.jsonValue({ maxDepth: 3 }),
);
const sane = {
  model: fc.constant("m"),
  messages: fc.constant([{ role: "user", content: "hi" }]),
  stream: fc.boolean(),
  n: fc.integer({ min: 1, max: 4 }),
  temperature: fc.double({ min: 0, max: 2, noNaN: true }),
  stop: fc.array(fc.string({ minLength: 1 }), { maxLength: 4 }),
  seed: fc.maxSafeInteger(),
  logprobs: fc.constant(true),
  response_format: fc.constantFrom({ type: "text" }, { type: "json_object" }),
};
const strange = Object.fromEntries(
  [
    ...["model", "messages", "max_tokens", "temperature", "top_p", "n", "stop", "seed", "stream", "stream_options"],
    ...["presence_penalty", "logprobs", "top_logprobs", "logit_bias", "top_k", "min_p", "min_tokens", "user"],
    ...[
      "response_format",
      "structured_outputs",
      "guided_json",
      "guided_regex",
      "guided_choice",
      "tools",
      "tool_choice",
    ],
    ...["adapter", "maxTokens", "structuredOutputs", "responseFormat", "toolChoice", "metadata", "store"],
  ].map((name) => [name, odd]),
);
const some = (fields: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[]) =>
  fc.record(fields, { requiredKeys } as { requiredKeys: never[] });
const body = fc
  .tuple(some(sane, ["model", "messages"]), fc.subarray(Object.keys(strange), { maxLength: 3 }), some(strange, []))
  .map(([good, names, bad]) => ({ ...good, ...Object.fromEntries(names.map((name) => [name, bad[name] ?? null])) }));

async function settle(path: string, sent: string): Promise<number> {
  const response = await app.fetch(path, { method: "POST", body: sent });
  const text = await response.text();
  if (response.status === 200) {
    if (response.headers.get("content-type") === "text/event-stream")
      expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    else expect(JSON.parse(text).choices.length).toBeGreaterThan(0);
    return 200;
  }
  const { error } = JSON.parse(text);
  expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
  expect(response.status, `${sent} gave ${text}`).toBeLessThan(500);
  return response.status;
}

it("gives an answer or a refusal for each of 2,000 requests", { timeout: 120_000 }, async () => {
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(body, fc.constantFrom("chat/completions", "inference/chat"), async (request, route) => {
      const status = await settle(`/v1/${route}`, JSON.stringify(request));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }),
    { seed: 11, numRuns: 2000 },
  );
  // Both ends are reached.
  expect(statuses.get(200)).toBeGreaterThan(200);
  expect(statuses.get(400)).toBeGreaterThan(200);
});

it("refuses bodies that are no JSON, or are nested beyond use", async () => {
  const deep = (depth: number) =>
    `{"model":"m","messages":[{"role":"user","content":"hi"}],"guided_json":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
  for (const sent of ["", "{", "\0", "[1]", "null", '"x"', deep(600), deep(100_000)]) {
    for (const route of ["chat/completions", "inference/chat"]) expect(await settle(`/v1/${route}`, sent)).toBe(400);
  }
  expect(await settle("/v1/chat/completions", deep(300))).toBe(200);
});
