/** Turns the text of one answer into text and tool calls. */

import { createValidator } from "../decode/constrain/schema/validator.ts";
import type { Violation } from "../decode/constrain.ts";
import type { FinishReason, GenerateEvent, TokenLogprobs, ToolCallDelta } from "../spec.ts";
import { EngineError } from "../util.ts";
import { type CallEvent, createCallReader } from "./call-reader.ts";
import type { AnswerReading } from "./tool-plan.ts";

type Delta = Extract<GenerateEvent, { type: "delta" }>;

export interface AnswerReader {
  /** What is certain after this piece; null while it is not. Tokens and log-probabilities wait for the next one then. */
  push(delta: Delta): Delta | null;
  /**
   * The answer has ended for this reason. Throws `constraint_violated` when the arguments of a finished call do not satisfy the
   * function's schema.
   */
  end(reason: FinishReason): { delta: Delta | null; finishReason: FinishReason };
}

/** `newId` makes the ids of calls. */
export function createAnswerReader(index: number, { syntax, tools }: AnswerReading, newId: () => string): AnswerReader {
  const reader = createCallReader(syntax);
  const calls: { name: string; arguments: string }[] = [];
  let tokens = 0;
  let logprobs: TokenLogprobs[] = [];

  const toDelta = (events: readonly CallEvent[]): Delta | null => {
    if (events.length === 0) return null;
    const text = events.map((event) => (event.type === "content" ? event.text : "")).join("");
    const pieces = events.flatMap((event) => (event.type === "content" ? [] : [toPiece(event)]));
    const delta = {
      ...{ type: "delta" as const, index, delta: text, tokens },
      ...(pieces.length > 0 && { calls: pieces }),
      ...(logprobs.length > 0 && { logprobs }),
    };
    tokens = 0;
    logprobs = [];
    return delta;
  };

  const toPiece = (event: Exclude<CallEvent, { type: "content" }>): ToolCallDelta => {
    if (event.type === "call") {
      calls.push({ name: event.name, arguments: "" });
      return { call: event.index, id: newId(), name: event.name, arguments: "" };
    }
    calls[event.index]!.arguments += event.text;
    return { call: event.index, arguments: event.text };
  };

  return {
    push(delta) {
      tokens += delta.tokens;
      logprobs.push(...(delta.logprobs ?? []));
      return toDelta(reader.push(delta.delta));
    },
    end(reason) {
      const rest = toDelta(reader.end(reason === "length"));
      const hasUnsent = rest === null && (tokens > 0 || logprobs.length > 0);
      const delta = hasUnsent ? toDelta([{ type: "content", text: "" }]) : rest;
      if (reason !== "stop" || calls.length === 0) return { delta, finishReason: reason };
      for (const call of calls) check(call, tools.find(({ name }) => name === call.name)!.schema);
      return { delta, finishReason: "tool_calls" };
    },
  };
}

/** Looks at the arguments once more, by other means than the grammar. */
function check({ name, arguments: text }: { name: string; arguments: string }, schema: Record<string, unknown>): void {
  const violation = violationOf(text, schema);
  if (!violation) return;
  const at = violation.path === "" ? "" : ` at ${violation.path}`;
  throw new EngineError(
    "constraint_violated",
    `The arguments of the call of "${name}" do not satisfy its schema${at}: ${violation.message}.`,
    { hint: "This is a fault of midrun's: please report the schema. Another attempt may succeed." },
  );
}

function violationOf(text: string, schema: Record<string, unknown>): Violation | null {
  try {
    return createValidator(schema)(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { message: `is not JSON: ${error.message}`, path: "" };
  }
}
