/** Finds tool calls in text that arrives in pieces, without ever letting a part of their notation out as text. */
import { createJsonEnd } from "./json-end.ts";
import { firstBegins, nextBegin, shortId, type ToolFormat } from "./tool-format.ts";

export interface CallsSyntax {
  format: ToolFormat;
  /** Functions that can be called. */
  names: readonly string[];
  /** Calls are the whole answer or not there at all, whatever the format's trigger. */
  atStart?: boolean;
}

export type CallEvent =
  | { type: "content"; text: string }
  /** A call has begun. `index` counts the calls of the answer. */
  | { type: "call"; index: number; name: string }
  /** The next piece of its arguments: JSON as the model writes it. */
  | { type: "arguments"; index: number; text: string };

export interface CallReader {
  /** What has become certain with this piece. */
  push(text: string): CallEvent[];
  /** The answer has ended; `isCut`: before the model wanted it to. Half a marker at its end is then not content. */
  end(isCut: boolean): CallEvent[];
}

type State = "text" | "begin" | "arguments" | "after" | "between" | "rest";

/**
 * The events, joined, do not depend on how the text is split. Blanks just before the calls belong to the notation. Text that is no call
 * after all is content.
 */
export function createCallReader({ format, names, atStart }: CallsSyntax): CallReader {
  const trigger = atStart ? null : format.trigger;
  const [, , after] = format.call;
  const firsts = names.flatMap((name) => firstBegins(format, name).map((begin) => ({ name, begin })));
  const nexts = names.flatMap((name) => {
    const begin = nextBegin(format, name);
    return begin === null ? [] : [{ name, begin }];
  });
  let state: State = trigger === null ? "begin" : "text";
  let held = "";
  let calls = 0;
  let jsonEnd = createJsonEnd();
  let events: CallEvent[] = [];

  const content = (text: string) => {
    if (text !== "") events.push({ type: "content", text });
  };
  const take = (length: number) => {
    const text = held.slice(0, length);
    held = held.slice(length);
    return text;
  };
  const begin = ({ name, begin }: { name: string; begin: string }): State => {
    take(begin.length);
    jsonEnd = createJsonEnd();
    events.push({ type: "call", index: calls++, name });
    return "arguments";
  };

  /** Each takes from what is held as much as it understands, and names the next state; null: it needs more text. */
  const steps: { [S in State]: () => State | null } = {
    text() {
      const at = held.indexOf(trigger!);
      const from = at >= 0 ? at : beginOf(held, trigger!);
      content(take(held.slice(0, from).trimEnd().length));
      return at >= 0 ? "begin" : null;
    },
    begin() {
      const text = trigger === null ? held : held.trimStart();
      const found = firsts.find((first) => text.startsWith(first.begin));
      if (!found) return firsts.some((first) => first.begin.startsWith(text)) ? null : "rest";
      take(held.length - text.length);
      return begin(found);
    },
    arguments() {
      const length = jsonEnd(held);
      const text = take(length ?? held.length);
      if (text !== "") events.push({ type: "arguments", index: calls - 1, text });
      return length === null ? null : "after";
    },
    after() {
      const id = format.hasShortIds ? shortIdAt(held) : 0;
      if (id === null) return null;
      const text = held.slice(id);
      if (!text.startsWith(after)) return after.startsWith(text) ? null : "rest";
      take(id + after.length);
      return "between";
    },
    between() {
      const found = nexts.find((next) => held.startsWith(next.begin));
      if (found) return begin(found);
      if (nexts.some((next) => next.begin.startsWith(held))) return null;
      if (!held.startsWith(format.close)) return format.close.startsWith(held) ? null : "rest";
      take(format.close.length);
      return "rest";
    },
    rest() {
      if (calls === 0 || held.trim() !== "") content(take(held.length));
      return null;
    },
  };

  const flush = () => {
    const found = events;
    events = [];
    return found;
  };

  return {
    push(text) {
      held += text;
      for (let next: State | null = state; next !== null; next = steps[state]()) state = next;
      return flush();
    },
    end(isCut) {
      if (!isCut && calls === 0) content(take(held.length));
      return flush();
    },
  };
}

/** Index of the longest end of the text that the marker begins with; the text's length when there is none. */
function beginOf(text: string, marker: string): number {
  for (let at = Math.max(0, text.length - marker.length + 1); at < text.length; at++) {
    if (marker.startsWith(text.slice(at))) return at;
  }
  return text.length;
}

/** Length of the id that a call carries; 0 when there is none, null when only more text can tell. */
function shortIdAt(text: string): number | null {
  const { before, length, after } = shortId;
  const whole = before.length + length + after.length;
  if (!text.startsWith(before)) return before.startsWith(text) ? null : 0;
  if (text.length >= whole) return text.startsWith(after, whole - after.length) ? whole : 0;
  return null;
}
