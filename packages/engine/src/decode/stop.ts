/** Finds stop strings in text that arrives in pieces, without ever letting a part of one out. */
import { EngineError } from "../util.ts";

export interface StopMatcher {
  /**
   * Takes the next piece; `emit` is the text that is now certain to be wanted. Once `stopped`, nothing more is emitted.
   * `stopped` comes late when a stop string lies inside what may yet become one that begins earlier.
   */
  push(text: string): { emit: string; stopped: boolean };
  /** The text has ended: what was withheld, up to a stop string if it holds one. */
  flush(): string;
  /** A stop string was found: the last one may only be found by `flush`. */
  readonly stopped: boolean;
}

/**
 * Cuts a text before the first stop string in it, wherever the pieces are split: the pieces emitted and flushed, joined, are
 * the text up to the lowest index at which a stop string begins. A stop string does not count after a text that `mayEnd` says no to.
 *
 * @throws EngineError `invalid_request` for an empty stop string.
 */
export function createStopMatcher(
  stops: readonly string[],
  mayEnd: (text: string) => boolean = () => true,
): StopMatcher {
  const empty = stops.indexOf("");
  if (empty >= 0) {
    throw new EngineError("invalid_request", `stop[${empty}] is empty: it would end every answer before it begins.`, {
      param: `stop[${empty}]`,
      hint: "Leave empty strings out of stop.",
    });
  }
  /** What has been let out, and what has not. */
  let past = "";
  let held = "";
  let stopped = false;

  const found = () => firstFound(held, stops, (at) => mayEnd(past + held.slice(0, at)));
  const release = (end: number): string => {
    const text = held.slice(0, end);
    past += text;
    held = held.slice(end);
    return text;
  };

  return {
    push(text) {
      if (stopped) return { emit: "", stopped };
      held += text;
      const begun = firstBegun(held, stops);
      const end = found();
      stopped = end < held.length && end <= begun;
      return { emit: release(Math.min(end, begun)), stopped };
    },
    flush() {
      if (stopped) return "";
      const end = found();
      stopped = end < held.length;
      const rest = release(end);
      held = "";
      return rest;
    },
    get stopped() {
      return stopped;
    },
  };
}

/** Index of the first whole stop string that counts; the text's length when there is none. */
function firstFound(text: string, stops: readonly string[], counts: (at: number) => boolean): number {
  let first = text.length;
  for (const stop of stops) {
    let at = text.indexOf(stop);
    while (at >= 0 && at < first && !counts(at)) at = text.indexOf(stop, at + 1);
    if (at >= 0) first = Math.min(first, at);
  }
  return first;
}

/** Index of the longest end of the text that a stop string begins with and goes beyond; the text's length when there is none. */
function firstBegun(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1));
  for (let at = Math.max(0, text.length - longest); at < text.length; at++) {
    const end = text.slice(at);
    if (stops.some((stop) => stop.length > end.length && stop.startsWith(end))) return at;
  }
  return text.length;
}
