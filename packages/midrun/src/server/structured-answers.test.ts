/** Two hundred answers of random weights, drawn at temperature 2 through the HTTP route: whatever ends, is what was asked for. */
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect, it } from "vitest";
import { tinyModel, useEngineServer } from "./testing-engine.ts";

const engine = useEngineServer();

type Check = (text: string) => boolean;

const ajv = addFormats.default(new Ajv2020.default({ strict: false }));

function isJsonOf(schema: object | boolean): Check {
  const validate = ajv.compile(schema);
  return (text) => validate(JSON.parse(text));
}

const whole = (pattern: string): Check => {
  const expression = new RegExp(`^(?:${pattern})$`, "u");
  return (text) => expression.test(text);
};

const schema = (name: string, value: object, extra: object = {}) => ({
  request: { response_format: { type: "json_schema", json_schema: { name, schema: value } }, ...extra },
  isValid: isJsonOf(value),
});
const guided = (value: object) => ({
  request: { structured_outputs: { json: value, disable_any_whitespace: true } },
  isValid: isJsonOf(value),
});
const regex = (pattern: string) => ({ request: { structured_outputs: { regex: pattern } }, isValid: whole(pattern) });
const choice = (...choices: string[]) => ({
  request: { structured_outputs: { choice: choices } },
  isValid: (text: string) => choices.includes(text),
});
const grammar = (ebnf: string, isValid: Check) => ({ request: { guided_grammar: ebnf }, isValid });

/** Sums of up to four terms; innermost brackets are taken for a number until none are left. */
function isSum(text: string): boolean {
  const flat = text.replaceAll(/\(\d{1,3}(?: \+ \d{1,3}){0,3}\)/g, "1");
  return flat === text ? /^\d{1,3}(?: \+ \d{1,3}){0,3}$/.test(text) : isSum(flat);
}

const word = { type: "string", maxLength: 6 };
const point = {
  type: "object",
  properties: {
    x: { type: "integer", minimum: -50, maximum: 50 },
    y: { type: "number", multipleOf: 0.25, minimum: 0, maximum: 9 },
  },
  required: ["x", "y"],
  additionalProperties: false,
};
const tree = {
  $defs: {
    node: {
      type: "object",
      properties: { name: { enum: ["a", "b"] }, next: { anyOf: [{ type: "null" }, { $ref: "#/$defs/node" }] } },
      required: ["name", "next"],
      additionalProperties: false,
    },
  },
  $ref: "#/$defs/node",
};

const corpus: readonly { request: object; isValid: Check }[] = [
  schema("point", point, { disable_any_whitespace: true }),
  schema("spaced", {
    type: "object",
    properties: { ok: { type: "boolean" } },
    required: ["ok"],
    additionalProperties: false,
  }),
  guided({ type: "array", items: point, minItems: 1, maxItems: 3 }),
  guided({ type: "array", prefixItems: [{ type: "boolean" }, { type: "null" }], items: false, minItems: 2 }),
  guided({ enum: ["é", 7, null, { deep: [1, "x"] }] }),
  guided({
    type: "object",
    properties: { tags: { type: "array", items: word, maxItems: 2 } },
    required: ["tags"],
    additionalProperties: false,
  }),
  guided({
    oneOf: [
      { type: "integer", minimum: 0, maximum: 20 },
      { type: "integer", minimum: 10, maximum: 30 },
    ],
  }),
  guided({ type: "string", pattern: "^[a-c]{2,4}-\\d$" }),
  guided({ type: "string", format: "date" }),
  guided({
    type: "object",
    properties: { kind: { const: "a" } },
    dependentRequired: { kind: ["n"] },
    maxProperties: 2,
    patternProperties: { "^n$": { type: "integer", minimum: 1, maximum: 5 } },
    additionalProperties: false,
  }),
  guided(tree),
  regex("[ab]{3,8}"),
  regex("(?:https?)://[a-z]{1,5}\\.(?:com|org)(?:/[0-9]{1,3})?"),
  regex("[α-ω]{1,3}|[😀-😂]{2}|日本"),
  regex("(?!no)[a-z]{2,4}"),
  choice("yes", "no", "maybe"),
  choice("a", "ab", "abc", "🙂", "line\nbreak", '"quoted"'),
  grammar('root ::= sum\nsum ::= term (" + " term){0,3}\nterm ::= [0-9]{1,3} | "(" sum ")"', isSum),
  grammar('root ::= "<" name ">" [a-z]{0,5} "</x>"\nname ::= "x" | "y"', whole("<[xy]>[a-z]{0,5}</x>")),
  {
    request: {
      structured_outputs: {
        structural_tag: JSON.stringify({
          format: { type: "tag", begin: "<r>", content: { type: "json_schema", json_schema: point }, end: "</r>" },
        }),
      },
    },
    isValid: (text) => isJsonOf(point)(/^<r>(.*)<\/r>$/s.exec(text)![1]!),
  },
];

const answersEach = 10;

it("are all valid when they end by themselves", { timeout: 300_000 }, async () => {
  let ended = 0;
  for (const [seed, { request, isValid }] of corpus.entries()) {
    const { choices } = await engine.openai.chat.completions.create({
      model: tinyModel,
      messages: [{ role: "user", content: "Say red." }],
      ...{ temperature: 2, n: answersEach, seed, max_tokens: 300 },
      ...request,
    });
    expect(choices).toHaveLength(answersEach);
    for (const { finish_reason, message } of choices) {
      if (finish_reason !== "stop") continue;
      ended++;
      expect(isValid(message.content!), `${JSON.stringify(request)} gave ${message.content}`).toBe(true);
    }
  }
  expect(corpus.length * answersEach).toBe(200);
  expect(ended).toBeGreaterThan(180);
  expect(engine.server.app.counters.read().constraintViolations).toBe(0);
});
