/** Ids of tool calls. */
import { createHash, randomBytes } from "node:crypto";
import type { ChatMessage } from "../spec.ts";
import { shortId, type ToolFormat } from "./tool-format.ts";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function idOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => letters[byte % letters.length]).join("");
}

/** A new id: OpenAI's kind, or the nine letters and digits that some templates want. */
export function newCallId({ hasShortIds }: ToolFormat): string {
  return hasShortIds ? idOf(randomBytes(shortId.length)) : `call_${idOf(randomBytes(24))}`;
}

const isShort = (id: string) => /^[A-Za-z0-9]{9}$/.test(id);

/** The same chat with ids that a template which wants short ones takes: equal ones become equal ones. */
export function withShortIds(messages: readonly ChatMessage[]): ChatMessage[] {
  const short = (id: string) =>
    isShort(id) ? id : idOf(createHash("sha256").update(id).digest().subarray(0, shortId.length));
  return messages.map((message) => {
    if (message.role === "tool") return { ...message, tool_call_id: short(message.tool_call_id) };
    if (message.role !== "assistant" || !message.tool_calls) return message;
    return { ...message, tool_calls: message.tool_calls.map((call) => ({ ...call, id: short(call.id) })) };
  });
}
