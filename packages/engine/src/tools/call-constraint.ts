/** What an answer with tools is held to: text or calls, with arguments that satisfy the functions' schemas. */
import type { Constraint } from "../decode/constrain.ts";
import { EngineError } from "../util.ts";
import { notBeginningWith } from "./not-beginning.ts";
import type { CallableTool, ChosenTools } from "./tool-choice.ts";
import { firstBegins, shortId, type ToolFormat } from "./tool-format.ts";

/** A format of a structural tag, see `decode/constrain/structural-tag.ts`. */
type TagFormat = Readonly<Record<string, unknown>>;

export interface CallGrammar {
  constraint: Constraint;
  /** Calls are the whole answer or not there at all, see `CallsSyntax`. */
  atStart: boolean;
}

/**
 * `content`: what an answer without calls must be. Then text and calls are not mixed.
 *
 * @throws EngineError `invalid_request` when `content` cannot be told from calls.
 */
export function callConstraint(format: ToolFormat, chosen: ChosenTools, content?: Constraint): CallGrammar {
  const calls = (opens: readonly string[]) => callsFormat(format, opens, chosen);
  const grammar = (tag: TagFormat, atStart: boolean): CallGrammar => ({
    constraint: { type: "structural_tag", tag: { format: tag } },
    atStart,
  });
  if (chosen.isForced) return grammar(calls(format.opens), true);
  const { trigger } = format;
  const answer = content && answerFormat(content, trigger);
  if (answer) return grammar({ type: "or", elements: [calls(format.opens), answer] }, true);
  if (trigger === null)
    return grammar({ type: "or", elements: [calls(format.opens), wordsOnly(format, chosen)] }, true);
  const behind = calls(format.opens.map((open) => open.slice(trigger.length)));
  const tags = [{ type: "tag", begin: trigger, content: behind, end: "" }];
  return grammar({ type: "triggered_tags", triggers: [trigger], tags, stop_after_first: true }, false);
}

function callsFormat(format: ToolFormat, opens: readonly string[], { tools, isSingle }: ChosenTools): TagFormat {
  const { separator, close } = format;
  const calls = {
    type: "tags_with_separator",
    tags: tools.map((tool) => callTag(format, tool)),
    separator: separator ?? "",
    at_least_one: true,
    stop_after_first: isSingle || separator === null,
  };
  const open = { type: "or", elements: opens.map(text) };
  return { type: "sequence", elements: [open, calls, text(close)] };
}

function callTag(
  { call: [before, middle, after], hasShortIds }: ToolFormat,
  { name, schema }: CallableTool,
): TagFormat {
  const values = { type: "json_schema", json_schema: schema };
  const id = { type: "regex", pattern: `(?:${shortId.before}[A-Za-z0-9]{${shortId.length}}${shortId.after})?` };
  const content = hasShortIds ? { type: "sequence", elements: [values, id] } : values;
  return { type: "tag", begin: before + name + middle, content, end: after };
}

const text = (value: string): TagFormat => ({ type: "const_string", value });

/** Text that does not begin as calls do: calls are looked for at the start alone. */
function wordsOnly(format: ToolFormat, { tools }: ChosenTools): TagFormat {
  return { type: "grammar", grammar: notBeginningWith(tools.flatMap(({ name }) => firstBegins(format, name))) };
}

/** JSON begins like no trigger does; other constraints, and JSON where calls are JSON themselves, could be taken for calls. */
function answerFormat(content: Constraint, trigger: string | null): TagFormat {
  const schema = content.type === "json_object" ? { type: "object" } : "schema" in content ? content.schema : undefined;
  if (schema !== undefined && trigger !== null) return { type: "json_schema", json_schema: schema };
  const what = schema === undefined ? `An answer held to "${content.type}"` : "A JSON answer";
  throw new EngineError("invalid_request", `${what} cannot be told from the tool calls of this model.`, {
    param: "tools",
    hint: 'Ask with tool_choice "none" for the answer, with "required" or a named function for a call.',
  });
}
