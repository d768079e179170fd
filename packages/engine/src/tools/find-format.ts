/** Finds out how a model writes tool calls, by reading what its own chat template prints. */
import type { ChatMessage, ToolDefinition } from "../spec.ts";
import type { ChatTemplate } from "../text/chat-template.ts";
import { createCallReader } from "./call-reader.ts";
import { type ToolFormat, toolFormats } from "./tool-format.ts";

export interface FoundFormat {
  format: ToolFormat;
  /** The model may call several functions at once. */
  isParallel: boolean;
}

// Nine letters and digits: Mistral's templates refuse every other id.
const calls = [
  { id: "findcall1", name: "find_first_format", value: "first value" },
  { id: "findcall2", name: "find_second_format", value: "second value" },
];
const argument = "find_argument";
/** A reply that no marker begins like. */
const word = "§";
const question: ChatMessage = { role: "user", content: "hello" };

/**
 * Null when the template has no tool support, or writes calls in a way that none of the known formats is. A template that prints
 * definitions and no calls shows in its definitions how they are written.
 */
export function findToolFormat(template: ChatTemplate): FoundFormat | null {
  if (!template.printsTools) return null;
  if (!template.printsCalls) return findInDefinitions(template);
  const [one, two] = [printed(template, 1), printed(template, 2)];
  const format = toolFormats.find((each) => one !== null && readsBack(each, one, 1));
  if (!format) return null;
  const isParallel = format.separator !== null && two !== null && readsBack(format, two, 2);
  return { format, isParallel };
}

function findInDefinitions(template: ChatTemplate): FoundFormat | null {
  const text = render(template, [question], true) ?? "";
  const format = toolFormats.find(({ trigger }) => trigger !== null && text.includes(trigger));
  return format ? { format, isParallel: format.separator !== null } : null;
}

/** What the template makes of so many calls where a reply in words has its words; null when it refuses. */
function printed(template: ChatTemplate, count: number): string | null {
  const tool_calls = calls.slice(0, count).map(({ id, name, value }) => ({
    id,
    type: "function" as const,
    function: { name, arguments: JSON.stringify({ [argument]: value }) },
  }));
  const inWords = render(template, [question, { role: "assistant", content: word }], false);
  const inCalls = render(template, [question, { role: "assistant", content: null, tool_calls }], false);
  if (inWords === null || inCalls === null) return null;
  const end = inWords.slice(inWords.lastIndexOf(word) + word.length);
  return inCalls.endsWith(end) ? inCalls.slice(sharedLength(inWords, inCalls), inCalls.length - end.length) : null;
}

function render(template: ChatTemplate, messages: ChatMessage[], addGenerationPrompt: boolean): string | null {
  const tools: ToolDefinition[] = [
    { type: "function", function: { name: "find_definition", parameters: { type: "object", properties: {} } } },
  ];
  try {
    return template.renderText(messages, { addGenerationPrompt, tools });
  } catch {
    return null; // A template that refuses these messages has no such format.
  }
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Exactly these calls are read, and nothing stands behind them. */
function readsBack(format: ToolFormat, text: string, count: number): boolean {
  const reader = createCallReader({ format, names: calls.map(({ name }) => name) });
  const found: { name: string; arguments: string }[] = [];
  let behind = "";
  for (const event of [...reader.push(text.trimStart()), ...reader.end(false)]) {
    if (event.type === "call") found.push({ name: event.name, arguments: "" });
    else if (event.type === "arguments") found[event.index]!.arguments += event.text;
    else if (found.length > 0) behind += event.text;
  }
  return behind === "" && found.length === count && found.every(isCall);
}

function isCall({ name, arguments: text }: { name: string; arguments: string }, at: number): boolean {
  try {
    return name === calls[at]!.name && JSON.parse(text)[argument] === calls[at]!.value;
  } catch {
    return false; // Not JSON: another notation.
  }
}
