/** Chats with several calls in one reply, for templates that print one call in a reply. */
import type { ChatMessage } from "../spec.ts";

type Reply = Extract<ChatMessage, { role: "assistant" }>;
type Result = Extract<ChatMessage, { role: "tool" }>;

/** Each call becomes a reply of its own, with its result behind it. */
export function withOneCallEach(messages: readonly ChatMessage[]): ChatMessage[] {
  const changed: ChatMessage[] = [];
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at]!;
    if (message.role !== "assistant" || (message.tool_calls?.length ?? 0) < 2) {
      changed.push(message);
      continue;
    }
    const results = resultsAt(messages, at + 1);
    changed.push(...oneByOne(message, results));
    at += results.length;
  }
  return changed;
}

function resultsAt(messages: readonly ChatMessage[], start: number): Result[] {
  const end = messages.findIndex(({ role }, at) => at >= start && role !== "tool");
  return messages.slice(start, end < 0 ? undefined : end) as Result[];
}

/** Results of calls that are none of these stay at the end. */
function oneByOne({ tool_calls = [], ...reply }: Reply, results: readonly Result[]): ChatMessage[] {
  const ids = tool_calls.map(({ id }) => id);
  const pairs = tool_calls.flatMap((call, i): ChatMessage[] => [
    { ...reply, content: i === 0 ? reply.content : null, tool_calls: [call] },
    ...results.filter((result) => result.tool_call_id === call.id),
  ]);
  return [...pairs, ...results.filter((result) => !ids.includes(result.tool_call_id))];
}
