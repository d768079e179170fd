import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createRandom } from "../random.ts";
import { allowedIds, eagerToEnd, sampleText, smallVocabulary } from "./constrain/testing-sample.ts";
import { type Constraint, type ConstraintOptions, createConstrainer } from "./constrain.ts";
import { createSampler } from "./sampler.ts";

const constrainer = createConstrainer(smallVocabulary);
const schemaOf = (schema: unknown): Constraint => ({ type: "json_schema", schema });

const person = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 12 },
    age: { type: "integer", minimum: 0, maximum: 130 },
    tags: { type: "array", items: { enum: ["a", "b", "c"] }, uniqueItems: true, maxItems: 3 },
    mail: { type: ["string", "null"], format: "email", maxLength: 20 },
  },
  required: ["name", "age", "tags"],
  additionalProperties: false,
};
const tree = {
  $ref: "#/$defs/node",
  $defs: {
    node: {
      type: "object",
      properties: {
        value: { type: "number" },
        children: { type: "array", items: { $ref: "#/$defs/node" }, maxItems: 2 },
      },
      required: ["value"],
      additionalProperties: false,
    },
  },
};

/** Constraints of every kind, and what a finished answer must be, said independently of them. */
const corpus: [name: string, constraint: Constraint, isRight: (text: string) => boolean][] = [
  ["json_object", { type: "json_object" }, (text) => JSON.parse(text).constructor === Object],
  ["an object", schemaOf(person), (text) => JSON.parse(text).age <= 130],
  ["recursion", schemaOf(tree), (text) => typeof JSON.parse(text).value === "number"],
  [
    "alternatives",
    schemaOf({ anyOf: [{ type: "boolean" }, { const: { a: [1] } }, { type: "integer", multipleOf: 7 }] }),
    (text) => JSON.parse(text) !== null,
  ],
  ["a date", schemaOf({ type: "string", format: "date" }), (text) => !Number.isNaN(Date.parse(JSON.parse(text)))],
  ["a pattern", schemaOf({ type: "string", pattern: "^[a-z]{2,5}$" }), (text) => /^"[a-z]{2,5}"$/.test(text)],
  [
    "exactly one",
    schemaOf({ type: "object", oneOf: [{ required: ["a"] }, { required: ["b"] }], maxProperties: 2 }),
    (text) => "a" in JSON.parse(text) !== "b" in JSON.parse(text),
  ],
  ["a regex", { type: "regex", pattern: "(\\d{3}-){2}\\d{4}" }, (text) => /^(\d{3}-){2}\d{4}$/.test(text)],
  ["a choice", { type: "choice", choices: ["yes", "no", "é"] }, (text) => ["yes", "no", "é"].includes(text)],
  [
    "a grammar",
    { type: "grammar", ebnf: 'root ::= [a-c]+ ("," [a-c]+){0,3}' },
    (text) => /^[a-c]+(,[a-c]+){0,3}$/.test(text),
  ],
];

/** One answer of a model that knows nothing: logits drawn at random, a little in favour of the end and of closing characters. */
function generate(compiled: Awaited<ReturnType<typeof constrainer.compile>>, seed: number): string | null {
  const random = createRandom(seed);
  const sampler = createSampler({ temperature: 2, topP: 1, seed, vocabSize: smallVocabulary.vocabSize });
  const favoured = [smallVocabulary.eosId, ...Array.from('"]}', (char) => char.charCodeAt(0))];
  const matcher = compiled.start();
  const bytes: number[] = [];
  for (let count = 0; count < 120; count++) {
    const logits = Float32Array.from({ length: smallVocabulary.vocabSize }, () => random.next() * 6);
    for (const id of favoured) logits[id]! += 6;
    const { id } = sampler.next(logits, [], matcher.mask());
    matcher.accept(id);
    if (id === smallVocabulary.eosId) return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
    bytes.push(...smallVocabulary.tokenBytes(id));
  }
  matcher.release();
  return null;
}

describe("answers of a model that knows nothing, at temperature 2", () => {
  it.each(corpus)("are right whenever they end: %s", async (_name, constraint, isRight) => {
    const compiled = await constrainer.compile(constraint);
    const answers = Array.from({ length: 20 }, (_, seed) => generate(compiled, seed)).filter((text) => text !== null);
    expect(answers.length).toBeGreaterThan(3);
    for (const text of answers) {
      expect([text, compiled.validate(text), isRight(text), compiled.accepts(text)]).toEqual([text, null, true, true]);
    }
  });
});

describe("createConstrainer", () => {
  it("prepares equal constraints once, also when they are asked for at the same time", async () => {
    const one = constrainer.compile(schemaOf({ type: "integer", maximum: 5 }));
    const other = constrainer.compile(schemaOf({ type: "integer", maximum: 5 }));
    expect(await one).toBe(await other);
    expect(await constrainer.compile(schemaOf({ type: "integer", maximum: 6 }))).not.toBe(await one);
    expect(
      await constrainer.compile(schemaOf({ type: "integer", maximum: 5 }), { disableAnyWhitespace: true }),
    ).not.toBe(await one);
  });

  it("keeps the order of properties apart", async () => {
    const [ab, ba] = await Promise.all(
      [
        { a: {}, b: {} },
        { b: {}, a: {} },
      ].map((properties) => constrainer.compile(schemaOf({ type: "object", properties, required: ["a", "b"] }))),
    );
    expect([ab!.accepts('{"a":1,"b":2}'), ba!.accepts('{"a":1,"b":2}')]).toEqual([true, false]);
  });

  it("tries again after a refusal, and goes on with what it compiled after its release", async () => {
    const own = createConstrainer(smallVocabulary);
    const compiled = await own.compile({ type: "choice", choices: ["a"] });
    for (let i = 0; i < 2; i++) await expect(own.compile({ type: "regex", pattern: "(" })).rejects.toThrow("pattern");
    own.release();
    await expect(own.compile({ type: "choice", choices: ["a"] })).rejects.toThrow("released");
    expect(compiled.accepts("a")).toBe(true);
  });

  it("forgets the constraints that were not used for longest", async () => {
    const own = createConstrainer(smallVocabulary);
    const number = (i: number) => own.compile({ type: "choice", choices: [String(i)] });
    const [first, second] = [await number(0), await number(1)];
    for (let i = 2; i < 65; i++) {
      await number(i);
      expect(await number(0)).toBe(first);
    }
    expect(await number(1)).not.toBe(second);
  });
});

describe("options", () => {
  const pair = schemaOf({ type: "object", properties: { a: { type: "array", items: { type: "integer" } } } });
  const layouts = [
    '{"a":[1,2]}',
    '{"a": [1, 2]}',
    '{\n  "a": [\n    1,\n    2\n  ]\n}',
    '{ "a" : [ 1 , 2 ] }',
    '{"a":  [1,2]}',
  ];

  it.each<[options: ConstraintOptions, accepted: boolean[]]>([
    [{}, [true, true, true, true, true]],
    [{ disableAnyWhitespace: true }, [true, false, false, false, false]],
    [{ whitespacePattern: " ?" }, [true, true, false, true, false]],
    [{ whitespacePattern: "[ \\n]*" }, [true, true, true, true, true]],
  ])("%j decides about blanks", async (options, accepted) => {
    const { accepts } = await constrainer.compile(pair, options);
    expect(layouts.map(accepts)).toEqual(accepted);
  });

  it("allows at most 64 blanks in a row, and none around the whole", async () => {
    const { accepts } = await constrainer.compile(pair);
    const spaced = (count: number) => `{"a":${" ".repeat(count)}[]}`;
    expect([spaced(64), spaced(65), ' {"a":[]}', '{"a":[]}\n'].map(accepts)).toEqual([true, false, false, false]);
  });

  it("disableAdditionalProperties closes objects that name properties, and no others", async () => {
    const schema = schemaOf({
      type: "object",
      properties: {
        a: { type: "object" },
        b: { type: "object", properties: {}, additionalProperties: { type: "null" } },
      },
    });
    const { accepts } = await constrainer.compile(schema, { disableAdditionalProperties: true });
    const texts = ['{"a":{"x":1}}', '{"b":{"x":null}}', '{"c":1}'];
    expect(texts.map(accepts)).toEqual([true, true, false]);
  });

  it("are about JSON inside structural tags too", async () => {
    const format = {
      type: "tag",
      begin: "<",
      content: { type: "json_schema", json_schema: pair.type && { type: "array" } },
      end: ">",
    };
    const { accepts } = await constrainer.compile(
      { type: "structural_tag", tag: { format } },
      { disableAnyWhitespace: true },
    );
    expect([accepts("<[1,2]>"), accepts("<[1, 2]>")]).toEqual([true, false]);
  });
});

describe("a finished text", () => {
  it("is judged by value, with the place of what is wrong", async () => {
    const { validate } = await constrainer.compile(schemaOf(person));
    expect(validate('{"age":5,"tags":[],"name":"x"}')).toBeNull(); // another order than the masks'
    expect(validate('{"name":"x","age":200,"tags":[]}')).toMatchObject({
      path: "/age",
      message: expect.stringMatching(/130/),
    });
    expect(validate('{"name":"x"')).toMatchObject({ path: "", message: expect.stringMatching(/not JSON/) });
  });

  it("counts 0.3 as a multiple of 0.1", async () => {
    const { validate, accepts } = await constrainer.compile(schemaOf({ type: "number", multipleOf: 0.1 }));
    expect([validate("0.3"), accepts("0.3"), accepts("0.35")]).toEqual([null, true, false]);
    expect(validate("0.35")).toMatchObject({ path: "" });
  });
});

describe("what the masks promise about JSON", () => {
  it.each<[schema: unknown, yes: string[], no: string[]]>([
    [{ type: "integer" }, ["0", "-12", "9007199254740993"], ["1.0", "1e3", "01"]],
    [{ type: "string" }, ['"a"', '"\\u00e9\\ud83d\\ude00\\n\\/"', '"é😀"'], ['"\\ud83d"', '"\n"', '"\\x"', "a"]],
    [{ type: "string", minLength: 2, maxLength: 2 }, ['"é😀"', '"\\ud83d\\ude00a"'], ['"é"', '"abc"']],
    [{ type: "string", pattern: "b+" }, ['"abc"', '"\\u0062"'], ['"ac"']],
    [{ enum: ["é", 1.5, null, { a: 1 }] }, ['"é"', "1.5", "null", '{"a": 1}'], ['"\\u00e9"', "1.50", '{"a":1,"b":2}']],
    [
      { type: "object", properties: { a: {} }, required: ["b"] },
      ['{"a":1,"b":2,"c":3}', '{"b":1,"\\u0063":1}'],
      ['{"b":1,"a":2}', '{"a":1}', '{"b":1,"\\u0061":1}'],
    ],
    [
      { type: "object", propertyNames: { enum: ["x", "y"] }, minProperties: 2 },
      ['{"x":1,"y":2}'],
      ['{"x":1}', '{"x":1,"x":2}', '{"z":1}'],
    ],
    [
      { type: "array", contains: { type: "string" }, minContains: 2, maxContains: 2, maxItems: 3 },
      ['["a","b"]', '["a",1,"b"]'],
      ['["a"]', '["a","b","c"]'],
    ],
    [
      { type: "array", prefixItems: [{ type: "integer" }, { type: "boolean" }], items: false, minItems: 1 },
      ["[1]", "[1,true]"],
      ["[]", "[true]", "[1,true,1]"],
    ],
    [
      JSON.parse(`{
        "type": "object",
        "properties": { "kind": { "enum": ["a", "b"] } },
        "required": ["kind"],
        "if": { "properties": { "kind": { "const": "a" } } },
        "then": { "required": ["x"] }
      }`),
      ['{"kind":"b"}', '{"kind":"a","x":1}'],
      ['{"kind":"a"}'],
    ],
    [{ type: "string", pattern: "^(?=.*\\d)(?=.*[A-Z])[!-~]{4,}$" }, ['"aB3x"', '"3333A"'], ['"abcd"', '"AB3"']],
    [{ type: "string", pattern: "^[\\w\\-\\.]+\\@x$" }, ['"a-b.c@x"'], ['"@x"']],
  ])("%j", async (schema, yes, no) => {
    const { accepts } = await constrainer.compile(schemaOf(schema));
    expect(yes.filter((text) => !accepts(text))).toEqual([]);
    expect(no.filter(accepts)).toEqual([]);
  });
});

describe("schemas as zod writes them", () => {
  const schemas: Record<string, z.ZodType> = {
    object: z.object({
      a: z.string().max(5),
      b: z.number().int().positive(),
      c: z.boolean().nullable(),
      d: z.string().optional(),
    }),
    "discriminated union": z.discriminatedUnion("k", [
      z.object({ k: z.literal("a"), x: z.number() }),
      z.object({ k: z.literal("b") }),
    ]),
    tuple: z.tuple([z.enum(["x", "y"]), z.int()]),
    record: z.record(z.enum(["a", "b"]), z.number()),
    number: z.number().min(0).max(1).multipleOf(0.01),
    date: z.iso.date(),
    time: z.iso.datetime(),
    duration: z.iso.duration(),
    mail: z.email(),
    uuid: z.uuid(),
    base64: z.base64(),
    text: z.string().startsWith("ab").endsWith("c").includes("x").max(8),
  };

  it.each(Object.keys(schemas).flatMap((name) => [[name, "draft-2020-12"] as const, [name, "draft-7"] as const]))(
    "%s, in %s: answers parse",
    async (name, target) => {
      const schema = schemas[name]!;
      const compiled = await constrainer.compile(schemaOf(z.toJSONSchema(schema, { target })));
      const texts = [1, 2, 3, 4, 5, 6].map((seed) => sampleText(compiled, 150, eagerToEnd(createRandom(seed))));
      const ended = texts.filter((text) => text !== null);
      expect(ended.length).toBeGreaterThan(0);
      for (const text of ended) expect([text, schema.safeParse(JSON.parse(text)).success]).toEqual([text, true]);
    },
  );
});

describe("refusals", () => {
  const nested = (schema: unknown) => ({ type: "object", properties: { "a/b": { type: "array", items: schema } } });
  const at = (rest: string) => `#/properties/a~1b/items/${rest}`;

  it.each<[constraint: unknown, param: string, message: string]>([
    [{ type: "xml" }, "type", '"xml" is not one of json_object'],
    [{ type: "json_schema" }, "json_schema/schema", "It is not given"],
    [{ type: "json_schema", schema: [] }, "#", "an object or a boolean"],
    [{ type: "json_schema", schema: {}, name: "x" }, "json_schema/name", "no such field (schema, strict)"],
    [{ type: "json_object", schema: {} }, "json_object/schema", "no such field (it has none)"],
    [{ type: "choice", choices: [] }, "choice/choices", "not a list of at least one string"],
    [{ type: "regex", pattern: "a(?<=b)" }, "pattern", "a lookbehind"],
    [{ type: "regex", pattern: "[]" }, "regex", "Nothing satisfies"],
    [{ type: "grammar", ebnf: "root ::= x" }, "grammar", 'the rule "x" is not defined'],
    [schemaOf(nested({ type: "strin" })), at("type"), "must be"],
    [schemaOf(nested({ type: "string", minLength: -1 })), at("minLength"), "must be >= 0"],
    [schemaOf(nested({ type: "string", pattern: "(" })), at("pattern"), "not an ECMAScript regular expression"],
    [schemaOf(nested({ type: "string", pattern: "\\bword" })), at("pattern"), "a word boundary"],
    [schemaOf(nested({ type: "string", format: "iri" })), at("format"), '"iri" cannot be enforced'],
    [schemaOf(nested({ format: "date" })), at("format"), 'without "type": "string"'],
    [schemaOf(nested({ type: "array", uniqueItems: true })), at("uniqueItems"), "at most 10 different values"],
    [schemaOf(nested({ type: "object", minProperties: 2 })), at("minProperties"), "At least 2 properties"],
    [schemaOf(nested({ type: "number", multipleOf: 0.123456789 })), at("multipleOf"), "told apart"],
    [schemaOf(nested({ $ref: "#/$defs/none" })), at("$ref"), "There is no schema at #/$defs/none"],
    [schemaOf(nested({ $ref: "https://example.com/x" })), at("$ref"), "nothing is fetched"],
    [schemaOf(nested({ $dynamicRef: "#x" })), at("$dynamicRef"), "cannot be enforced"],
    [schemaOf(nested({ dependencies: { a: ["b"] } })), at("dependencies"), "cannot be enforced in 2020-12"],
    [schemaOf(nested({ patternProperties: { "\\1(a)": {} } })), at("patternProperties/\\1(a)"), "back-reference"],
    [
      schemaOf(nested({ anyOf: [{ properties: { x: {} } }], unevaluatedProperties: false })),
      at("anyOf"),
      "depends on the value",
    ],
    [schemaOf({ $schema: "https://json-schema.org/draft/2019-09/schema" }), "#/$schema", "is not a dialect"],
    [
      schemaOf({
        $schema: "http://json-schema.org/draft-07/schema#",
        $ref: "#/definitions/a",
        maximum: 1,
        definitions: { a: {} },
      }),
      "#/maximum",
      "beside $ref",
    ],
    [schemaOf({ $ref: "#" }), "#", "refers to itself"],
    [
      schemaOf({ type: "object", properties: { next: { $ref: "#" } }, required: ["next"] }),
      "json_schema",
      "Nothing satisfies",
    ],
    [schemaOf({ type: "integer", minimum: 3, maximum: 2 }), "json_schema", "Nothing satisfies"],
  ])("name the place: %j", async (constraint, param, message) => {
    await expect(constrainer.compile(constraint as Constraint)).rejects.toMatchObject({
      name: "EngineError",
      code: "invalid_request",
      param,
      message: expect.stringContaining(message),
    });
  });

  it.each<[options: unknown, param: string, message: string]>([
    [{ whitespacePattern: "[ x]*" }, "whitespacePattern", "more than JSON's blanks"],
    [{ whitespacePattern: "(" }, "whitespacePattern", "not an ECMAScript regular expression"],
    [{ whitespacePattern: " ", disableAnyWhitespace: true }, "whitespacePattern", "described and forbidden"],
    [{ disableAnyWhitespace: "yes" }, "options/disableAnyWhitespace", "not true or false"],
    [{ indent: 2 }, "options/indent", "no such field"],
  ])("name the option: %j", async (options, param, message) => {
    await expect(constrainer.compile({ type: "json_object" }, options as ConstraintOptions)).rejects.toMatchObject({
      code: "invalid_request",
      param,
      message: expect.stringContaining(message),
    });
  });

  const many = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
  const letter = (i: number) => String.fromCharCode(97 + i);
  it.each<[what: string, constraint: Constraint, message: RegExp]>([
    ["nested groups", { type: "regex", pattern: `${"(".repeat(10_000)}a${")".repeat(10_000)}` }, /too deep/],
    [
      "nested brackets",
      { type: "grammar", ebnf: `root ::= ${"(".repeat(10_000)}"a"${")".repeat(10_000)}` },
      /too deep/,
    ],
    [
      "endless choices",
      { type: "choice", choices: many(60_000, (i) => `choice ${i * 7919}`) },
      /^choice: .*too complex/,
    ],
    [
      "patterns that all overlap",
      schemaOf({
        type: "object",
        patternProperties: Object.fromEntries(many(12, (i) => [`${letter(i)}.*x`, { minimum: i }])),
      }),
      /^#\/patternProperties: .*too complex/,
    ],
  ])("come in time and not by the stack for %s", async (_what, constraint, message) => {
    await expect(constrainer.compile(constraint)).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringMatching(message),
    });
  });

  it("do not meet what is only large", async () => {
    const properties = Object.fromEntries(many(5000, (i) => [`p${i}`, { type: "string" }]));
    await constrainer.compile(schemaOf({ type: "object", properties, additionalProperties: false }));
    await constrainer.compile({ type: "choice", choices: many(20_000, (i) => `choice ${i}`) });
    await constrainer.compile(schemaOf({ enum: many(20_000, (i) => `choice ${i}`) }));
  });

  it("do not run out of stack or time on hostile schemas", async () => {
    const deep = (depth: number): unknown => (depth === 0 ? {} : { items: deep(depth - 1) });
    await expect(constrainer.compile(schemaOf(deep(5000)))).rejects.toMatchObject({ code: "invalid_request" });
    const wide = {
      allOf: Array.from({ length: 12 }, (_, i) => ({ anyOf: [{ required: [`a${i}`] }, { required: [`b${i}`] }] })),
    };
    await expect(constrainer.compile(schemaOf(wide))).rejects.toThrow("too complex");
    await expect(constrainer.compile(schemaOf({ type: "string", pattern: "(a|b)*a(a|b){18}" }))).rejects.toThrow(
      "too complex",
    );
    const chain = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`d${i}`, { properties: { x: { $ref: `#/$defs/d${i + 1}` } } }]),
    );
    await expect(
      constrainer.compile(schemaOf({ $ref: "#/$defs/d0", $defs: { ...chain, d200: {} } })),
    ).resolves.toBeDefined();
  });
});

describe("masks and matchers", () => {
  it("offer the end token only where the text may end", async () => {
    const { start } = await constrainer.compile({ type: "choice", choices: ["a", "ab"] });
    const matcher = start();
    expect(allowedIds(matcher.mask(), smallVocabulary.vocabSize)).toEqual([97]);
    matcher.accept(97);
    expect(allowedIds(matcher.mask(), smallVocabulary.vocabSize)).toEqual([98, smallVocabulary.eosId]);
    matcher.accept(98);
    expect(allowedIds(matcher.mask(), smallVocabulary.vocabSize)).toEqual([smallVocabulary.eosId]);
  });
});
