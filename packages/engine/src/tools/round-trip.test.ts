/** What a template writes of a reply with calls is what is read back as that reply. */
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatMessage, ToolCall } from "../spec.ts";
import { type ChatTemplate, loadChatTemplate } from "../text/chat-template.ts";
import { openTemplate } from "../text/testing-chats.ts";
import { chatMl, chatMlTools } from "../text/testing-templates.ts";
import { loadTokenizer } from "../text/tokenizer.ts";
import { withShortIds } from "./call-ids.ts";
import { createCallReader } from "./call-reader.ts";
import { findToolFormat } from "./find-format.ts";
import { withDescribedTools, withPlainCalls } from "./plain-messages.ts";
import * as templates from "./testing-templates.ts";
import { jsonList } from "./tool-format.ts";

const fixtures = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));
const question: ChatMessage = { role: "user", content: "Which?" };
const names = ["first", "second_one"];

async function ofFixture(family: string): Promise<ChatTemplate> {
  const dir = `${fixtures}${family}/model`;
  return loadChatTemplate(dir, await loadTokenizer(dir));
}
const special = ["[TOOL_CALLS]", "<|tool_call|>", "<|/tool_call|>"].map((content) => ({ content, special: true }));
const ofSource = async (source: string) => (await openTemplate(source, { extraTokens: special })).template;

const cases: [string, () => Promise<ChatTemplate>][] = [
  ...["qwen2", "qwen3-tied", "llama-tied", "granite"].map((family): (typeof cases)[number] => [
    family,
    () => ofFixture(family),
  ]),
  ...Object.entries({ hermes: chatMlTools, ...templates })
    .filter(([name]) => name !== "xml" && name !== "smolLm")
    .map(([name, source]): (typeof cases)[number] => [name, () => ofSource(source)]),
];

// Integers only: templates write floats in ways of their own.
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<unknown>(true, null, 'a "quoted" \\ line\n', "<tool_call>", "}", "é日本🙂", ""),
    fc.integer(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b c", '"'), tie("value"), { maxKeys: 2 }),
  ),
})).value;
const calls = fc.array(fc.tuple(fc.constantFrom(...names), fc.dictionary(fc.constantFrom("x", "long name"), value)), {
  minLength: 1,
  maxLength: 3,
});

const toCalls = (list: readonly [string, object][]): ToolCall[] =>
  list.map(([name, args], i) => ({
    id: `abcdefgh${i}`,
    type: "function",
    function: { name, arguments: JSON.stringify(args) },
  }));

describe.each(cases)("calls in the words of %s", (_, open) => {
  it("are read back as they were", async () => {
    const template = await open();
    const { format, isParallel } = findToolFormat(template)!;
    const render = (reply: ChatMessage) => template.renderText([question, reply], { addGenerationPrompt: false });
    const words = render({ role: "assistant", content: "§" });
    const [head, end] = [words.slice(0, words.lastIndexOf("§")), words.slice(words.lastIndexOf("§") + 1)];
    fc.assert(
      fc.property(calls, (list) => {
        const tool_calls = toCalls(isParallel ? list : list.slice(0, 1));
        const text = render({ role: "assistant", content: null, tool_calls });
        expect(text.startsWith(head.trimEnd()) && text.endsWith(end)).toBe(true);
        const reply = text.slice(head.trimEnd().length, text.length - end.length).trimStart();
        const read = readBack(reply, { format, names });
        expect(read.map(({ name, args }) => [name, JSON.parse(args)])).toEqual(
          tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
        );
      }),
      { seed: 8, numRuns: 60 },
    );
  });
});

function readBack(text: string, syntax: Parameters<typeof createCallReader>[0]) {
  const reader = createCallReader(syntax);
  const read: { name: string; args: string }[] = [];
  for (const event of [...Array.from(text).flatMap((char) => reader.push(char)), ...reader.end(false)]) {
    if (event.type === "call") read.push({ name: event.name, args: "" });
    else if (event.type === "arguments") read[event.index]!.args += event.text;
    else expect(event.text.trim()).toMatch(/^(<think>\s*<\/think>)?$/);
  }
  return read;
}

describe("chats for templates without words for tools", () => {
  const history: ChatMessage[] = [
    question,
    {
      role: "assistant",
      content: "Both.",
      tool_calls: toCalls([
        ["first", { x: 1 }],
        ["second_one", {}],
      ]),
    },
    { role: "tool", tool_call_id: "abcdefgh0", content: "one" },
    { role: "tool", tool_call_id: "abcdefgh1", content: "two" },
    { role: "user", content: "Thanks" },
    { role: "assistant", content: "Bye" },
  ];
  const tools = [{ type: "function" as const, function: { name: "first", description: "the first" } }];

  it("say calls and results in text, and keep turns", () => {
    const plain = withPlainCalls(history, jsonList);
    expect(plain).toEqual([
      question,
      {
        role: "assistant",
        content: 'Both.\n[{"name": "first", "arguments": {"x":1}}, {"name": "second_one", "arguments": {}}]',
      },
      { role: "user", content: "Result of first:\none\n\nResult of second_one:\ntwo\n\nThanks" },
      { role: "assistant", content: "Bye" },
    ]);
    expect(withPlainCalls(plain, jsonList)).toEqual(plain);
  });

  it("tell of tools in the system message, or in a new one, or with the question where there are none", async () => {
    const chatTemplate = await ofSource(chatMl);
    const described = (messages: ChatMessage[], template = chatTemplate) =>
      withDescribedTools(messages, tools, template);
    const definition = /Functions.*\n\{"name":"first","description":"the first"\}\n/;
    const own = described([{ role: "system", content: "Be kind." }, question]);
    expect(own[0]!.content).toMatch(/^Be kind\.\n\n/);
    expect(own[0]!.content).toMatch(definition);
    expect(described([question]).map(({ role }) => role)).toEqual(["system", "user"]);
    const [asked, ...rest] = described(history, await ofFixture("gemma2"));
    expect(asked!.role).toBe("user");
    expect(asked!.content).toMatch(definition);
    expect(asked!.content).toMatch(/\n\nWhich\?$/);
    expect(rest).toEqual(history.slice(1));
  });
});

describe("ids of calls", () => {
  it("become short ones where a template wants those, and stay the same for the same call", async () => {
    const template = await ofSource(templates.mistral);
    const tool_calls = toCalls([["first", {}]]).map((call) => ({ ...call, id: "call_XyZ0123456789abcdefghij" }));
    const messages: ChatMessage[] = [
      question,
      { role: "assistant", content: null, tool_calls },
      { role: "tool", tool_call_id: tool_calls[0]!.id, content: "one" },
    ];
    expect(() => template.renderText(messages, { addGenerationPrompt: true })).toThrow(/nine characters/);
    const short = withShortIds(messages);
    expect(template.renderText(short, { addGenerationPrompt: true })).toMatch(/"id": "[A-Za-z0-9]{9}"/);
    const [, reply, result] = short;
    expect(reply).toMatchObject({ tool_calls: [{ id: (result as { tool_call_id: string }).tool_call_id }] });
    expect(withShortIds(short)).toEqual(short);
  });
});
