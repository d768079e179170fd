/** Answers that are held to a constraint, from a model of random weights. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadBaseModel } from "../base-model.ts";
import type { Constraint, GenerateEvent, GenerateRequest } from "../spec.ts";
import { tinyModel } from "../testing/tiny-run.ts";
import { range } from "../util.ts";
import { answer, answerParts } from "./answer.ts";
import type { CompiledConstraint } from "./constrain.ts";
import { createDecodeSession } from "./decode-session.ts";
import { createGenerator, type Generator } from "./generate.ts";
import { createModelConstrainer } from "./model-constrainer.ts";

let generator: Generator;
beforeAll(async () => {
  generator = createGenerator(await tinyModel(), { threads: 1 });
});
afterAll(() => generator.release());

const plain: GenerateRequest = {
  prompt: { messages: [{ role: "user", content: "Say red." }] },
  maxTokens: 200,
  temperature: 2,
  topP: 1,
  stop: [],
};

interface Answers {
  texts: string[];
  reasons: string[];
}

async function answersOf(request: Partial<GenerateRequest>): Promise<Answers> {
  const texts = range(request.n ?? 1).map(() => "");
  for await (const event of generator.generate({ ...plain, ...request })) {
    if (event.type === "done") return { texts, reasons: event.finishReasons };
    texts[event.index] += event.delta;
  }
  throw new Error("no end");
}

const schema = {
  type: "object",
  properties: { color: { enum: ["red", "blue"] }, size: { type: "integer", minimum: 3, maximum: 12 } },
  required: ["color", "size"],
  additionalProperties: false,
};
const color: Constraint = { type: "json_schema", schema };

describe("an answer under a constraint", () => {
  test("is what was asked for, each of n", async () => {
    const { texts, reasons } = await answersOf({
      constraint: color,
      n: 4,
      seed: 1,
      constraintOptions: { disableAnyWhitespace: true },
    });
    expect(reasons).toEqual(["stop", "stop", "stop", "stop"]);
    for (const text of texts) expect(text).toMatch(/^\{"color":"(red|blue)","size":([3-9]|1[0-2])\}$/);
    expect(new Set(texts).size).toBeGreaterThan(1);
  });

  test.each<[Constraint, RegExp]>([
    [{ type: "regex", pattern: "[ab]{2,5}!" }, /^[ab]{2,5}!$/],
    [{ type: "choice", choices: ["yes", "no", "日本 🙂"] }, /^(yes|no|日本 🙂)$/],
    [{ type: "grammar", ebnf: 'root ::= "x" ("-" [0-9]){3}' }, /^x(-\d){3}$/],
  ])("%j", async (constraint, expected) => {
    for (const seed of range(5)) {
      const { texts, reasons } = await answersOf({ constraint, seed });
      expect(reasons).toEqual(["stop"]);
      expect(texts[0]).toMatch(expected);
    }
  });

  test("is the same with its log-probabilities, whose bytes are its text", async () => {
    const request = { constraint: color, seed: 4 };
    const bytes: number[] = [];
    for await (const event of generator.generate({ ...plain, ...request, logprobs: 1 }))
      if (event.type === "delta") for (const entry of event.logprobs ?? []) bytes.push(...entry.bytes);
    expect(Buffer.from(bytes).toString()).toBe((await answersOf(request)).texts[0]);
  });

  test("that is cut by length says so", async () => {
    expect((await answersOf({ constraint: color, maxTokens: 3 })).reasons).toEqual(["length"]);
  });

  test("goes on to minTokens only where it may", async () => {
    const word: Constraint = { type: "regex", pattern: "a{1,9}" };
    const [end] = (await tinyModel()).chatTemplate.stopIds;
    const eager = { logitBias: { [end!]: 1000 }, constraint: word };
    expect((await answersOf(eager)).texts[0]).toMatch(/^a+$/);
    expect((await answersOf({ ...eager, minTokens: 50 })).texts).toEqual(["aaaaaaaaa"]);
  });

  test("ends before a stop string where it is complete, and nowhere else", async () => {
    const word: Constraint = { type: "regex", pattern: "ab(-ab){3}(!ab!)?" };
    const more = { constraint: word, minTokens: 100 };
    expect((await answersOf({ ...more, stop: ["ab", "-"] })).texts).toEqual(["ab-ab-ab-ab!ab!"]);
    expect(await answersOf({ ...more, stop: ["-", "!"] })).toEqual({ texts: ["ab-ab-ab-ab"], reasons: ["stop"] });
  });

  test("that bias pushes elsewhere stays what it must be", async () => {
    const logitBias = { [(await tinyModel()).tokenizer.encode("z")[0]!]: 100 };
    const { texts } = await answersOf({ constraint: { type: "choice", choices: ["yes", "no"] }, logitBias });
    expect(["yes", "no"]).toContain(texts[0]);
  });
});

describe("a constraint that cannot be enforced", () => {
  const cases: [Constraint, RegExp][] = [
    [
      { type: "json_schema", schema: { properties: { a: { type: "array", uniqueItems: true } } } },
      /^#\/properties\/a\/uniqueItems: /,
    ],
    [{ type: "json_schema", schema: { type: "strin" } }, /^#\/type: /],
    [{ type: "regex", pattern: "(a" }, /^pattern: /],
    [{ type: "grammar", ebnf: "root ::= missing" }, /missing/],
    [{ type: "choice", choices: [] }, /^choice\/choices: /],
    [{ type: "structural_tag", tag: { format: { type: "qwen_xml_parameter" } } }, /^tag\/format\/type: /],
  ];
  test.each(cases)("is refused before the first event: %j", async (constraint, message) => {
    const events: GenerateEvent[] = [];
    const asking = (async () => {
      for await (const event of generator.generate({ ...plain, constraint })) events.push(event);
    })();
    await expect(asking).rejects.toMatchObject({
      code: "invalid_request",
      param: "constraint",
      message: expect.stringMatching(message),
    });
    expect(events).toEqual([]);
  });
});

describe("a finished answer", () => {
  test("that is not what it was held to is an error", async () => {
    const model = await tinyModel();
    const request: GenerateRequest = { ...plain, constraint: { type: "choice", choices: ["yes"] } };
    const compiled = (await createModelConstrainer(model)(request))!;
    const strict: CompiledConstraint = { ...compiled, validate: () => ({ message: "is not a no", path: "/a" }) };
    const decoding = createDecodeSession(model, { threads: 1 });
    const sequence = decoding.start();
    const logits = await sequence.next([1]);
    const parts = answerParts(model, request, { index: 0, seed: 1, maxTokens: 20, tokens: null, constraint: strict });
    const writing = (async () => {
      for await (const _ of answer(model, request, parts, { sequence, logits }));
    })();
    await expect(writing).rejects.toMatchObject({
      code: "constraint_violated",
      message: "The finished answer does not satisfy its constraint at /a: is not a no.",
    });
    sequence.release();
    await decoding.release();
  });
});

describe("models of every kind of tokenizer", () => {
  const texts = ["yes", " yes", "  two ▁ é日本🙂\n"];

  test.each(["mistral", "gemma3", "llama-untied", "phi3"])("%s writes exactly the text asked for", async (family) => {
    const dir = fileURLToPath(new URL(`../../../../fixtures/${family}/model`, import.meta.url));
    const own = createGenerator(await loadBaseModel(dir), { threads: 1 });
    for (const text of texts) {
      const request: GenerateRequest = { ...plain, constraint: { type: "choice", choices: [text] } };
      let written = "";
      for await (const event of own.generate(request)) if (event.type === "delta") written += event.delta;
      expect(written).toBe(text);
    }
    await own.release();
  });

  test("whose decoder takes a space off the start may begin with any word of theirs", async () => {
    const model = await loadBaseModel(fileURLToPath(new URL("../../../../fixtures/mistral/model", import.meta.url)));
    const constraint: Constraint = { type: "choice", choices: ["the cat"] };
    const compiled = (await createModelConstrainer(model)({ ...plain, constraint }))!;
    const matcher = compiled.start();
    const isAllowed = (token: string) => {
      const id = model.tokenizer.tokenId(token)!;
      return ((matcher.mask()[id >> 5]! >>> (id & 31)) & 1) === 1;
    };
    expect([isAllowed("▁t"), isAllowed("t"), isAllowed("▁a")]).toEqual([true, true, false]);
    matcher.accept(model.tokenizer.tokenId("▁t")!);
    expect([isAllowed("h"), isAllowed("▁t"), matcher.isComplete()]).toEqual([true, false, false]);
  });
});
