import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CallEvent, type CallsSyntax, createCallReader } from "./call-reader.ts";
import { readWhole } from "./testing-read-whole.ts";
import { printCalls, toolFormats } from "./tool-format.ts";

const names = ["get_weather", "get", "get_weather_2", "clock"];

/** The events of the pieces, joined: what a client has in the end. */
function readPieces(syntax: CallsSyntax, pieces: readonly string[], isCut = false) {
  const reader = createCallReader(syntax);
  const answer = { content: "", calls: [] as { name: string; arguments: string }[] };
  for (const event of [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end(isCut)]) add(answer, event);
  return answer;
}

function add(answer: ReturnType<typeof readPieces>, event: CallEvent): void {
  if (event.type === "content") answer.content += event.text;
  else if (event.type === "arguments") answer.calls[event.index]!.arguments += event.text;
  else {
    expect(event.index).toBe(answer.calls.length);
    answer.calls.push({ name: event.name, arguments: "" });
  }
}

function split(text: string, cuts: readonly number[]): string[] {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  return [...places, text.length].map((end, i) => text.slice(i === 0 ? 0 : places[i - 1], end));
}

const call = fc.record({
  name: fc.constantFrom(...names),
  arguments: fc
    .tuple(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }), fc.constantFrom(0, 1, 2))
    .map(([value, indent]) => JSON.stringify(value, null, indent)),
});
const formats = fc.constantFrom(...toolFormats);
const cuts = fc.array(fc.nat(), { maxLength: 20 });
/** Words in which markers begin, and do not end. */
const words = fc
  .array(fc.constantFrom("One", " ", "\n", "<", "<tool_", "[TOOL", "func", "{", '{"name": "', "é🙂", "<|tool"), {
    maxLength: 8,
  })
  .map((parts) => `Well: ${parts.join("")}.`);

describe("reading tool calls", () => {
  it("gives back what was written, wherever the text is split", () => {
    fc.assert(
      fc.property(formats, words, fc.array(call, { minLength: 1, maxLength: 3 }), cuts, (format, before, all, at) => {
        const calls = format.separator === null ? all.slice(0, 1) : all;
        const content = format.trigger === null ? "" : before;
        const text = `${content}${content && "\n"}${printCalls(format, calls)}`;
        const answer = readPieces({ format, names }, split(text, at));
        expect(answer).toEqual({ content, calls });
        expect(answer).toEqual(readWhole({ format, names }, text));
      }),
      { seed: 5, numRuns: 1000 },
    );
  });

  it("reads any text the same, wherever it is split, and loses nothing of what is no call", () => {
    const parts = toolFormats.flatMap(({ opens, call, separator, close, trigger }) =>
      [...opens, ...call, separator, close, trigger].filter((part) => part !== null),
    );
    const fragments = [...new Set(parts), ...names, '{"a": "}\\""}', "{}", "{", " ", "\n", "Hi", ', "id": "abc123XYZ"'];
    const piece = fc
      .tuple(fc.constantFrom(...fragments), fc.nat(20))
      .map(([text, length]) => (length > 3 ? text : text.slice(0, length)));
    fc.assert(
      fc.property(formats, fc.array(piece, { maxLength: 12 }), cuts, fc.boolean(), (format, texts, at, isCut) => {
        const text = texts.join("");
        const answer = readPieces({ format, names }, split(text, at), isCut);
        expect(answer).toEqual(readPieces({ format, names }, [text], isCut));
        if (answer.calls.length === 0 && !isCut) expect(answer.content).toBe(text);
      }),
      { seed: 6, numRuns: 20_000 },
    );
  });

  it("reads an answer that is cut off anywhere as far as it goes, without a part of the notation in its content", () => {
    fc.assert(
      fc.property(formats, fc.array(call, { minLength: 1, maxLength: 2 }), fc.nat(), (format, all, at) => {
        const calls = format.separator === null ? all.slice(0, 1) : all;
        const text = printCalls(format, calls);
        const answer = readPieces({ format, names }, [text.slice(0, at % (text.length + 1))], true);
        expect(answer.content).toBe("");
        answer.calls.forEach((read, i) => {
          expect(read.name).toBe(calls[i]!.name);
          expect(calls[i]!.arguments.startsWith(read.arguments)).toBe(true);
        });
      }),
      { seed: 7, numRuns: 1000 },
    );
  });

  it("lets text out as soon as no call can begin in it", () => {
    const reader = createCallReader({ format: toolFormats[0]!, names });
    expect(reader.push("Hello <b>")).toEqual([{ type: "content", text: "Hello <b>" }]);
    expect(reader.push(" <tool")).toEqual([]);
    expect(reader.push("box>")).toEqual([{ type: "content", text: " <toolbox>" }]);
  });

  it("streams arguments as they come, one call after the other", () => {
    const reader = createCallReader({ format: toolFormats[0]!, names });
    expect(reader.push('<tool_call>\n{"name": "clock", "arguments": {"zo')).toEqual([
      { type: "call", index: 0, name: "clock" },
      { type: "arguments", index: 0, text: '{"zo' },
    ]);
    expect(reader.push('ne": 1}}\n</tool_')).toEqual([{ type: "arguments", index: 0, text: 'ne": 1}' }]);
    expect(reader.push('call>\n<tool_call>\n{"name": "get", "arguments": {}')).toEqual([
      { type: "call", index: 1, name: "get" },
      { type: "arguments", index: 1, text: "{}" },
    ]);
    expect([...reader.push("}\n</tool_call>"), ...reader.end(false)]).toEqual([]);
  });
});
