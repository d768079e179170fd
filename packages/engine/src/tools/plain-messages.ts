/** Chats with tools for templates that have no words for them: definitions, calls and results as ordinary text. */
import type { ChatMessage, ToolDefinition } from "../spec.ts";
import type { ChatTemplate } from "../text/chat-template.ts";
import { printCalls, type ToolFormat } from "./tool-format.ts";

/** Calls become the text of the reply, results what the user says next. Chats without either stay as they are. */
export function withPlainCalls(messages: readonly ChatMessage[], format: ToolFormat): ChatMessage[] {
  const names = new Map(messages.flatMap(callsOf).map((call) => [call.id, call.function.name]));
  const plain: ChatMessage[] = [];
  messages.forEach((message, at) => {
    const text = plainText(message, format, names);
    const followsResult = messages[at - 1]?.role === "tool" && (message.role === "tool" || message.role === "user");
    // Templates want the user and the assistant to take turns.
    if (followsResult) plain.push({ role: "user", content: `${plain.pop()!.content}\n\n${text}` });
    else if (message.role === "tool") plain.push({ role: "user", content: text });
    else if (callsOf(message).length > 0) plain.push({ role: "assistant", content: text });
    else plain.push(message);
  });
  return plain;
}

const callsOf = (message: ChatMessage) => (message.role === "assistant" ? (message.tool_calls ?? []) : []);

function plainText(message: ChatMessage, format: ToolFormat, names: ReadonlyMap<string, string>): string {
  const { content } = message;
  if (message.role === "tool") return `Result of ${names.get(message.tool_call_id) ?? "the call"}:\n${content}`;
  const calls = callsOf(message).map((call) => call.function);
  return calls.length === 0 ? (content ?? "") : [content, printCalls(format, calls)].filter(Boolean).join("\n");
}

/** Tells of the tools in the system message, or with the first question where the template has no system messages. */
export function withDescribedTools(
  messages: readonly ChatMessage[],
  tools: readonly ToolDefinition[],
  template: ChatTemplate,
): ChatMessage[] {
  const text = describe(tools);
  const [first, ...rest] = messages;
  if (first?.role === "system" || first?.role === "developer") {
    return [{ ...first, content: `${first.content}\n\n${text}` }, ...rest];
  }
  if (takesSystem(template)) return [{ role: "system", content: text }, ...messages];
  const at = messages.findIndex(({ role }) => role === "user");
  return messages.map((message, i) =>
    i === at && message.role === "user" ? { ...message, content: `${text}\n\n${message.content}` } : message,
  );
}

function describe(tools: readonly ToolDefinition[]): string {
  const functions = tools.map((tool) => JSON.stringify(tool.function)).join("\n");
  return `Functions that you can call, one in each line:\n${functions}\n\nTo call some of them, answer with a JSON list: [{"name": ..., "arguments": {...}}]`;
}

function takesSystem(template: ChatTemplate): boolean {
  const [word, messages] = ["probe_system", [{ role: "user", content: "hello" } as const]];
  try {
    const chat: ChatMessage[] = [{ role: "system", content: word }, ...messages];
    return template.renderText(chat, { addGenerationPrompt: true }).includes(word);
  } catch {
    return false; // It refuses them.
  }
}
