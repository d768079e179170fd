import { expect, it } from "vitest";
import type { ChatMessage, ToolCall } from "../spec.ts";
import { openTemplate } from "../text/testing-chats.ts";
import { withOneCallEach } from "./one-by-one.ts";
import { plainJson } from "./testing-templates.ts";

const call = (id: string): ToolCall => ({ id, type: "function", function: { name: `f_${id}`, arguments: "{}" } });
const result = (id: string): ChatMessage => ({ role: "tool", tool_call_id: id, content: `r_${id}` });
const question: ChatMessage = { role: "user", content: "Go" };

it("gives each call a reply, with its result behind it, whatever the order of the results", () => {
  const messages: ChatMessage[] = [
    question,
    { role: "assistant", content: "Both", tool_calls: [call("a"), call("b")] },
    ...["b", "x", "a"].map(result),
    { role: "assistant", content: "Done" },
    { role: "assistant", content: null, tool_calls: [call("c"), call("d")] },
  ];
  expect(withOneCallEach(messages)).toEqual([
    question,
    { role: "assistant", content: "Both", tool_calls: [call("a")] },
    result("a"),
    { role: "assistant", content: null, tool_calls: [call("b")] },
    result("b"),
    result("x"),
    { role: "assistant", content: "Done" },
    { role: "assistant", content: null, tool_calls: [call("c")] },
    { role: "assistant", content: null, tool_calls: [call("d")] },
  ]);
});

it("leaves chats alone that need nothing, and makes those that a template refuses acceptable", async () => {
  const { template } = await openTemplate(plainJson);
  const messages: ChatMessage[] = [
    question,
    { role: "assistant", content: null, tool_calls: [call("a"), call("b")] },
    result("a"),
    result("b"),
  ];
  expect(() => template.encodePrompt(messages)).toThrow(/One call at a time/);
  const split = withOneCallEach(messages);
  expect(template.encodePrompt(split).length).toBeGreaterThan(0);
  expect(withOneCallEach(split)).toEqual(split);
});
