import { describe, expect, it } from "vitest";
import { createValidator } from "../decode/constrain/schema/validator.ts";
import { eagerToEnd, sampleText, smallVocabulary } from "../decode/constrain/testing-sample.ts";
import { type Constraint, createConstrainer } from "../decode/constrain.ts";
import { createRandom } from "../random.ts";
import type { ToolChoice, ToolDefinition } from "../spec.ts";
import { callConstraint } from "./call-constraint.ts";
import { createCallReader } from "./call-reader.ts";
import { readWhole } from "./testing-read-whole.ts";
import { chooseTools } from "./tool-choice.ts";
import { printCalls, type ToolFormat, toolFormats } from "./tool-format.ts";

const tools: ToolDefinition[] = [
  {
    type: "function",
    function: {
      name: "get_weather",
      parameters: {
        type: "object",
        properties: {
          city: { type: "string", maxLength: 5 },
          days: { type: "integer", minimum: 1, maximum: 14 },
          unit: { enum: ["celsius", "fahrenheit"] },
        },
        required: ["city", "days"],
        additionalProperties: false,
      },
    },
  },
  { type: "function", function: { name: "clock" } },
  {
    type: "function",
    function: { name: "list", parameters: { properties: { items: { type: "array", items: { type: "boolean" } } } } },
  },
];

function prepare(
  format: ToolFormat,
  choice: ToolChoice,
  { isParallel = true, content }: { isParallel?: boolean; content?: Constraint } = {},
) {
  const chosen = chooseTools({ tools, choice, isParallel })!;
  const { constraint, atStart } = callConstraint(format, chosen, content);
  const names = chosen.tools.map(({ name }) => name);
  return { compiled: createConstrainer(smallVocabulary).compile(constraint), syntax: { format, names, atStart } };
}

const schemas = new Map(
  chooseTools({ tools, choice: "auto", isParallel: true })!.tools.map((tool) => [
    tool.name,
    createValidator(tool.schema),
  ]),
);
const weather = { name: "get_weather", arguments: '{"city": "Paris", "days": 2}' };
const clock = { name: "clock", arguments: "{}" };
const triggered = toolFormats.filter(({ trigger }) => trigger !== null);

describe.each(toolFormats)("answers held to tool calls ($name)", (format) => {
  const isSeveral = format.separator !== null;

  it("are calls with valid arguments when a call is asked for, whatever is drawn", async () => {
    const { compiled, syntax } = prepare(format, "required");
    const ready = await compiled;
    let read = 0;
    for (let seed = 0; seed < 40; seed++) {
      const text = sampleText(ready, 600, eagerToEnd(createRandom(seed)));
      if (text === null) continue;
      read++;
      const answer = readWhole(syntax, text);
      expect(answer.content).toBe("");
      expect(answer.calls.length).toBeGreaterThan(0);
      for (const call of answer.calls) expect(schemas.get(call.name)!(JSON.parse(call.arguments))).toBeNull();
      expect(readPieces(syntax, text)).toEqual(answer);
    }
    expect(read).toBeGreaterThan(10);
  });

  it("may be words or calls by default, and both are told apart", async () => {
    const { compiled, syntax } = prepare(format, "auto");
    const ready = await compiled;
    for (const text of ["", "Hello!", '{"name": "Bob"}', "It is [fine] <b>.", '["a", {"name": "clock"}]']) {
      expect(ready.accepts(text)).toBe(true);
      expect(readPieces(syntax, text)).toEqual({ content: text, calls: [] });
    }
    const calls = printCalls(format, [weather]);
    expect(ready.accepts(calls)).toBe(true);
    expect(ready.accepts(printCalls(format, [{ ...weather, arguments: '{"city": "Paris"}' }]))).toBe(false);
    expect(ready.accepts(printCalls(format, [{ ...weather, name: "unknown" }]))).toBe(format.trigger === null);
    const both = `Let me see.\n${calls}`;
    expect(ready.accepts(both)).toBe(true);
    expect(readPieces(syntax, both)).toEqual(
      format.trigger === null ? { content: both, calls: [] } : { content: "Let me see.", calls: [weather] },
    );
    expect(ready.accepts(`${calls} And so on.`)).toBe(false);
    for (let seed = 0; seed < 20; seed++) {
      const text = sampleText(ready, 200, eagerToEnd(createRandom(seed)));
      if (text !== null) expect(readPieces(syntax, text)).toEqual(readWhole(syntax, text));
    }
  });

  it("hold one call only where more are not wanted", async () => {
    const one = printCalls(format, [weather]);
    const two = printCalls(format, [weather, clock]);
    for (const choice of ["auto", "required"] as const) {
      const many = await prepare(format, choice).compiled;
      const single = await prepare(format, choice, { isParallel: false }).compiled;
      expect([many.accepts(one), single.accepts(one)]).toEqual([true, true]);
      if (isSeveral) expect([many.accepts(two), single.accepts(two)]).toEqual([true, false]);
    }
  });

  it("call the function that was named, once, or one of those that are allowed", async () => {
    const named = await prepare(format, { name: "clock" }).compiled;
    expect(named.accepts(printCalls(format, [clock]))).toBe(true);
    expect(named.accepts(printCalls(format, [weather]))).toBe(false);
    if (isSeveral) expect(named.accepts(printCalls(format, [clock, clock]))).toBe(false);
    const allowed = await prepare(format, { allowed: ["clock", "list"], mode: "required" }).compiled;
    expect(allowed.accepts(printCalls(format, [clock]))).toBe(true);
    expect(allowed.accepts(printCalls(format, [weather]))).toBe(false);
    expect(allowed.accepts("words")).toBe(false);
  });
});

it("calls in bare JSON are looked for at the start alone: the same text later on is text", async () => {
  const format = toolFormats.find(({ name }) => name === "llama")!;
  const { compiled, syntax } = prepare(format, "auto");
  const ready = await compiled;
  const call = printCalls(format, [weather]);
  const half = call.slice(0, call.indexOf("Paris"));
  for (const text of [`Write ${call}`, `Write ${half}`, half.slice(0, 20), `\n${half}`]) {
    expect(ready.accepts(text)).toBe(true);
    expect(readPieces(syntax, text)).toEqual({ content: text, calls: [] });
  }
  expect(ready.accepts(half)).toBe(false);
  expect(ready.accepts(`<|python_tag|>${half}`)).toBe(false);
});

describe("answers held to a format beside tools", () => {
  const content: Constraint = {
    type: "json_schema",
    schema: { type: "object", properties: { note: { type: "string" } }, required: ["note"] },
  };

  it.each(triggered)("are of that format or calls ($name)", async (format) => {
    const { compiled, syntax } = prepare(format, "auto", { content });
    const ready = await compiled;
    const note = JSON.stringify({ note: `see ${printCalls(format, [weather])}` });
    expect(ready.accepts(note)).toBe(true);
    expect(readPieces(syntax, note)).toEqual({ content: note, calls: [] });
    expect(ready.accepts("words")).toBe(false);
    expect(ready.accepts(printCalls(format, [weather]))).toBe(true);
  });

  it("are refused where one cannot be told from the other", () => {
    const refused = expect.objectContaining({ code: "invalid_request", param: "tools" });
    const untriggered = toolFormats.find(({ trigger }) => trigger === null)!;
    expect(() => prepare(untriggered, "auto", { content })).toThrow(refused);
    expect(() => prepare(triggered[0]!, "auto", { content: { type: "regex", pattern: ".*" } })).toThrow(refused);
  });

  it("need not be told apart where a call is asked for", async () => {
    const ready = await prepare(triggered[0]!, "required", { content }).compiled;
    expect(ready.accepts('{"note": "x"}')).toBe(false);
  });
});

describe("choosing tools", () => {
  const choose = (choice: ToolChoice, own = tools) => chooseTools({ tools: own, choice, isParallel: true });
  const define = (name: string, parameters?: Record<string, unknown>): ToolDefinition => ({
    type: "function",
    function: { name, ...(parameters && { parameters }) },
  });

  it("gives nothing to call where nothing is to be called", () => {
    expect(choose("none")).toBeNull();
    expect(choose("auto", [])).toBeNull();
  });

  it("takes empty properties for no parameters, and an object of no shape for any", () => {
    const schemaOf = (parameters: Record<string, unknown>) =>
      choose("auto", [define("a", parameters)])!.tools[0]!.schema;
    expect(schemaOf({ type: "object", properties: {}, required: [] })).toMatchObject({ additionalProperties: false });
    expect(schemaOf({ properties: {}, additionalProperties: true })).toMatchObject({ additionalProperties: true });
    expect(schemaOf({ properties: {}, minProperties: 1 })).toMatchObject({ minProperties: 1 });
    expect(schemaOf({ type: "object" })).toEqual({ type: "object" });
  });

  it.each([
    ["a choice without tools", "required", [], "toolChoice", /no tools/],
    [
      "an unknown name",
      { name: "cloc" },
      tools,
      "toolChoice",
      /"cloc" is none of the tools \(get_weather, clock, list\)/,
    ],
    ["an unknown allowed name", { allowed: ["x"], mode: "auto" }, tools, "toolChoice", /"x"/],
    ["equal names", "auto", [define("a"), define("a")], "tools[1].function.name", /"a"/],
    ["a name with blanks", "auto", [define("a b")], "tools[0].function.name", /"a b"/],
    [
      "parameters of no object",
      "auto",
      [define("a"), define("b", { type: "string" })],
      "tools[1].function.parameters",
      /"string"/,
    ],
    [
      "a malformed schema",
      "auto",
      [define("a", { properties: 7 })],
      "tools[0].function.parameters",
      /"a".*#\/properties/,
    ],
  ] as const)("refuses %s", (_, choice, own, param, message) => {
    expect(() => choose(choice as ToolChoice, own as ToolDefinition[])).toThrow(
      expect.objectContaining({ code: "invalid_request", param, message: expect.stringMatching(message) }),
    );
  });
});

function readPieces(syntax: Parameters<typeof createCallReader>[0], text: string) {
  const reader = createCallReader(syntax);
  const answer = { content: "", calls: [] as { name: string; arguments: string }[] };
  for (const event of [...Array.from(text).flatMap((char) => reader.push(char)), ...reader.end(false)]) {
    if (event.type === "content") answer.content += event.text;
    else if (event.type === "call") answer.calls.push({ name: event.name, arguments: "" });
    else answer.calls[event.index]!.arguments += event.text;
  }
  return answer;
}
