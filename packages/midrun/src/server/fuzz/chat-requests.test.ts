/** Requests for answers as clients send them, and with anything in place of any part of them. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { generateOptions } from "../runner.ts";
import { createOpenAITest, type OpenAITest } from "../testing-openai.ts";
import { damage, expectAnswer, expectNoGrowth, fuzzRuns } from "./testing-fuzz.ts";

let t: OpenAITest;
beforeEach(() => {
  t = createOpenAITest({ fake: { can: generateOptions } });
});
afterEach(async () => {
  await t.close();
  expect(t.errors).toEqual([]);
});

const text = fc.oneof(
  fc.string({ maxLength: 40, unit: "grapheme" }),
  fc.string({ maxLength: 10, unit: "binary" }),
  fc.constantFrom("", "\0", "data: [DONE]\n\n", "\r\n", "\u2028", "<|im_end|>", "\ud83d", "x".repeat(3000)),
);
const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
const message = fc.oneof(
  fc.record({ role: fc.constantFrom("system", "developer", "user", "assistant"), content: text }),
  fc.record({ role: fc.constant("user"), content: fc.array(fc.record({ type: fc.constant("text"), text })) }),
  fc.record({ role: fc.constant("tool"), tool_call_id: fc.constantFrom("c", "d"), content: text }),
  fc.constant({ role: "assistant", content: null, tool_calls: [call] }),
);

const schema = fc.constantFrom<unknown>(
  { type: "object", properties: { a: { type: "integer" } }, required: ["a"], additionalProperties: false },
  { $ref: "#" },
  { type: "nothing" },
  true,
  "text",
);
const tool = fc.record({
  type: fc.constant("function"),
  function: fc.record({ name: fc.constantFrom("f", "g", "", "a b"), parameters: schema }, { requiredKeys: ["name"] }),
});
const penalty = fc.constantFrom(-2, 0, 1.5, 2, 2.5);

/** Good values and bad ones, the good ones mostly. */
const fields: Record<string, fc.Arbitrary<unknown>> = {
  model: fc.constantFrom("base", "org/base", "ft:base:midrun:x:00000000", "", "gpt-4o"),
  messages: fc.array(message, { minLength: 1, maxLength: 4 }),
  prompt: fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.array(fc.nat(99)), fc.array(fc.array(fc.nat(9)))),
  max_tokens: fc.constantFrom(1, 16, 2 ** 40, 0),
  max_completion_tokens: fc.constantFrom(1, 16, null),
  temperature: fc.constantFrom(0, 1, 2, 2.1, -1),
  top_p: fc.constantFrom(0, 0.5, 1, 1.1),
  top_k: fc.constantFrom(-1, 0, 5, 0.5),
  min_p: fc.constantFrom(0, 0.5, 2),
  min_tokens: fc.constantFrom(0, 3, -1),
  stop: fc.oneof(text, fc.array(text, { maxLength: 5 }), fc.constant(null)),
  seed: fc.oneof(fc.integer(), fc.constantFrom(2 ** 63, -(2 ** 63), 0.5)),
  stream: fc.boolean(),
  stream_options: fc.constantFrom<unknown>({ include_usage: true }, { include_obfuscation: false }, null),
  n: fc.constantFrom(1, 2, 5, 0, 129),
  echo: fc.boolean(),
  best_of: fc.constantFrom(1, 2),
  suffix: fc.constantFrom(null, "", "x"),
  tools: fc.array(tool, { maxLength: 3 }),
  tool_choice: fc.constantFrom<unknown>(
    ...["none", "auto", "required", "maybe"],
    { type: "function", function: { name: "f" } },
    { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [] } },
  ),
  parallel_tool_calls: fc.boolean(),
  response_format: fc.oneof(
    fc.constantFrom<unknown>(
      { type: "text" },
      { type: "json_object" },
      { type: "structural_tag", tags: 1 },
      { type: "?" },
    ),
    fc.record({ type: fc.constant("json_schema"), json_schema: fc.record({ name: fc.constantFrom("a", ""), schema }) }),
  ),
  structured_outputs: fc.dictionary(
    fc.constantFrom("json", "regex", "choice", "grammar", "json_object", "structural_tag", "choices"),
    fc.oneof(text, schema, fc.array(text, { maxLength: 2 }), fc.boolean()),
    { maxKeys: 2 },
  ),
  guided_regex: text,
  guided_json: schema,
  presence_penalty: penalty,
  frequency_penalty: penalty,
  repetition_penalty: fc.constantFrom(1, 1.2, 0),
  logprobs: fc.constantFrom<unknown>(true, false, 3, 21),
  top_logprobs: fc.constantFrom(0, 5, 21),
  logit_bias: fc.dictionary(fc.constantFrom("1", "50256", "x", "__proto__"), fc.constantFrom(-100, 0, 100, 101), {
    maxKeys: 2,
  }),
  store: fc.constantFrom(true, false, null),
  metadata: fc.dictionary(text, text, { maxKeys: 2 }),
  user: text,
};

const paths = ["/v1/chat/completions", "/v1/completions", "/v1/inference/chat"] as const;
type Path = (typeof paths)[number];

const needed: Record<Path, readonly string[]> = {
  "/v1/chat/completions": ["model", "messages", "stream"],
  "/v1/completions": ["model", "prompt", "stream"],
  "/v1/inference/chat": ["model", "messages", "stream"],
};
/** The native route refuses what it does not know; a few such fields are enough. */
const foreign = /^(prompt|echo|best_of|suffix|max_completion_tokens|stream_options|guided_.*|store|metadata|user)$/;

/** Few of the fields that need not be there: with all of them nearly every request would be refused for one. */
function sparseFor(path: Path) {
  const names = Object.keys(fields).filter((name) => path !== "/v1/inference/chat" || !foreign.test(name));
  const all = fc.record(Object.fromEntries(names.map((name) => [name, fields[name]!])));
  return fc.tuple(all, fc.subarray(names, { maxLength: 5 })).map(([body, chosen]) => {
    const kept = Object.entries(body).filter(([name]) => needed[path].includes(name) || chosen.includes(name));
    return Object.fromEntries(kept) as Record<string, unknown>;
  });
}

const anything = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom<unknown>({}, [], "", 1e308, -0, null));

const nested = fc.integer({ min: 1, max: 5000 }).map((depth) => {
  return `{"model":"base","messages":${"[".repeat(depth)}${"]".repeat(depth)}}`;
});

function bodyFor(path: Path) {
  const sparse = sparseFor(path);
  /** Something else in place of one field. */
  const mutated = fc
    .tuple(sparse, fc.constantFrom(...Object.keys(fields), "", "constructor"), anything)
    .map(([body, name, value]) => ({ ...body, [name]: value }));
  const damaged = fc.tuple(sparse, damage).map(([value, hurt]) => hurt(Buffer.from(JSON.stringify(value))).toString());
  return fc.oneof(
    { weight: 6, arbitrary: sparse.map((value) => JSON.stringify(value)) },
    { weight: 5, arbitrary: mutated.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: damaged },
    { weight: 1, arbitrary: fc.oneof(fc.json(), nested, fc.string()) },
  );
}

/** What the native route has of the same, in its own names. */
const toNative = (text: string) =>
  text.replaceAll(/"([a-z]+)_([a-z]+)":/g, (_, a: string, b: string) => {
    return `"${a}${b[0]!.toUpperCase()}${b.slice(1)}":`;
  });

/** A stream is made of whole frames, and ends with `[DONE]` or with an error that is the request's own. */
function expectFrames(stream: string): void {
  const frames = stream.split("\n\n");
  expect(frames.pop()).toBe("");
  const parsed = frames.map((frame) => {
    expect(frame.startsWith("data: ")).toBe(true);
    return frame.slice(6);
  });
  const last = parsed.at(-1)!;
  if (last !== "[DONE]") expect(JSON.parse(last)).toMatchObject({ error: { type: "invalid_request_error" } });
  for (const chunk of parsed.slice(0, -1)) expect(JSON.parse(chunk)).toMatchObject({ choices: expect.any(Array) });
}

describe("requests for answers", { timeout: 300_000 }, () => {
  it.each(paths)("to %s are answered or refused, whatever they are", async (path) => {
    const outcomes = { answered: 0, streamed: 0, refused: 0 };
    await expectNoGrowth(() =>
      fc.assert(
        fc.asyncProperty(bodyFor(path), fc.boolean(), async (given, leave) => {
          const sent = path === "/v1/inference/chat" ? toNative(given) : given;
          const response = await t.fetch(path, { method: "POST", body: sent });
          if (response.headers.get("content-type") !== "text/event-stream") {
            const answer = (await expectAnswer(response)) as { id: string } | null;
            outcomes[answer ? "answered" : "refused"]++;
            return;
          }
          outcomes.streamed++;
          if (leave) await response.body!.cancel();
          else expectFrames(await response.text());
        }),
        fuzzRuns(20261125),
      ),
    );
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(20);
  });

  it("whose sender goes away before the end of the body are no fault of the server's", async () => {
    for (const path of [...paths, "/v1/fine_tuning/jobs", "/v1/jobs"]) {
      const broken = new ReadableStream({
        pull(controller) {
          controller.error(new Error("connection reset"));
        },
      });
      const init = { method: "POST", body: broken, ...{ duplex: "half" } };
      const response = await t.fetch(path, init);
      expect([response.status, await response.json()]).toMatchObject([503, { error: { code: "aborted" } }]);
    }
  });
});
