/** From a regular expression to the automaton of the strings that it finds. */
import { EngineError } from "../../../util.ts";
import { spend } from "../effort.ts";
import { refusal } from "../refuse.ts";
import type { CharSet } from "./char-set.ts";
import { createBuilder, type Dfa, edgesOf, intersectDfas, startsOf, subtractDfa } from "./dfa.ts";
import { contains, type Regex } from "./regex-tree.ts";

/** Thompson's construction: states are numbers, `edges[state]` consume one character of a set, `free[state]` none. */
interface Nfa {
  edges: { set: CharSet; to: number }[][];
  free: { to: number; only?: "start" | "end" }[][];
}

const mostStates = 50_000;

/** Where a match must begin and end. `search`: anywhere. */
export type Anchoring = "whole" | "prefix" | "search";

/**
 * The strings in which `regex` matches: the whole string, a beginning of it, or any part of it.
 *
 * @throws EngineError `invalid_request` when the automaton grows too large or a lookahead stands where it cannot be followed.
 */
export function dfaOfRegex(regex: Regex, anchoring: Anchoring): Dfa {
  const open = anchoring !== "whole";
  const nfa: Nfa = { edges: [], free: [] };
  const start = addState(nfa);
  const end = addState(nfa);
  add(nfa, resolveAhead(regex, open), start, end);
  return determinize(nfa, { start, end, open, anywhere: anchoring === "search" });
}

/**
 * Replaces every lookahead by the automaton of what may follow it. For that, what follows must be known: groups are multiplied out, but
 * a repetition may go on with itself.
 */
function resolveAhead(regex: Regex, open: boolean): Regex {
  if (!contains(regex, "ahead")) return regex;
  const items = regex.kind === "seq" ? regex.items : [regex];
  const at = items.findIndex((item) => contains(item, "ahead"));
  const [before, found, after] = [items.slice(0, at), items[at]!, items.slice(at + 1)];
  const instead = (middle: Regex[]) => resolveAhead({ kind: "seq", items: [...before, ...middle, ...after] }, open);
  if (found.kind === "seq") return instead(found.items);
  if (found.kind === "alt") return { kind: "alt", items: found.items.map((item) => instead([item])) };
  if (found.kind === "repeat" && found.max === 1) {
    const choices = found.min === 0 ? [[], [found.item]] : [[found.item]];
    return { kind: "alt", items: choices.map(instead) };
  }
  if (found.kind !== "ahead") {
    throw refusal("A lookahead inside a repetition cannot be enforced.", {
      hint: "Put lookaheads outside of * + { }.",
    });
  }
  return { kind: "seq", items: [...before, lookAhead(found, before, after, open)] };
}

/** What may follow `before`, as an automaton. */
function lookAhead(look: Regex & { kind: "ahead" }, before: Regex[], after: Regex[], open: boolean): Regex {
  const rest: Regex = { kind: "seq", items: after };
  const isFirst = before.length > 0 && before.every(({ kind }) => kind === "start");
  if ((contains(look.item, "start") && !isFirst) || contains(rest, "start")) {
    throw refusal("A ^ inside or after a lookahead cannot be enforced.", {
      hint: "Put ^ at the beginning of the pattern.",
    });
  }
  const following = dfaOfRegex(rest, open ? "prefix" : "whole");
  const seen = dfaOfRegex(look.item, "prefix");
  return { kind: "dfa", dfa: look.negative ? subtractDfa(following, seen) : intersectDfas(following, seen) };
}

function addState(nfa: Nfa): number {
  if (nfa.edges.length >= mostStates) throw refusal(`The pattern needs more than ${mostStates} states: too complex.`);
  nfa.free.push([]);
  return nfa.edges.push([]) - 1;
}

function add(nfa: Nfa, node: Regex, from: number, to: number): void {
  switch (node.kind) {
    case "chars":
      nfa.edges[from]!.push({ set: node.set, to });
      return;
    case "start":
    case "end":
      nfa.free[from]!.push({ to, only: node.kind });
      return;
    case "alt":
      for (const item of node.items) add(nfa, item, from, to);
      return;
    case "seq":
      addSequence(nfa, node.items, from, to);
      return;
    case "repeat":
      addRepeat(nfa, node, from, to);
      return;
    case "dfa":
      addDfa(nfa, node.dfa, from, to);
      return;
    case "ahead":
      throw new EngineError("internal", "a lookahead was left over");
  }
}

function addSequence(nfa: Nfa, items: Regex[], from: number, to: number): void {
  let at = from;
  for (const item of items) {
    const next = addState(nfa);
    add(nfa, item, at, next);
    at = next;
  }
  nfa.free[at]!.push({ to });
}

function addRepeat(nfa: Nfa, { item, min, max }: Regex & { kind: "repeat" }, from: number, to: number): void {
  let at = addState(nfa);
  nfa.free[from]!.push({ to: at });
  for (let i = 0; i < min; i++) at = addCopy(nfa, item, at);
  if (max === Number.POSITIVE_INFINITY) nfa.free[addCopy(nfa, item, at)]!.push({ to: at });
  for (let i = min; i < max && max !== Number.POSITIVE_INFINITY; i++) {
    nfa.free[at]!.push({ to });
    at = addCopy(nfa, item, at);
  }
  nfa.free[at]!.push({ to });
}

function addCopy(nfa: Nfa, item: Regex, from: number): number {
  const to = addState(nfa);
  add(nfa, item, from, to);
  return to;
}

function addDfa(nfa: Nfa, dfa: Dfa, from: number, to: number): void {
  const ids = dfa.accepting.map(() => addState(nfa));
  nfa.free[from]!.push({ to: ids[0]! });
  dfa.accepting.forEach((accepting, state) => {
    // What a lookahead says is about the string up to its end, so nothing may follow.
    if (accepting) nfa.free[ids[state]!]!.push({ to, only: "end" });
    for (const [low, high, next] of edgesOf(dfa, state)) {
      nfa.edges[ids[state]!]!.push({ set: [[low, high]], to: ids[next]! });
    }
  });
}

interface Ends {
  start: number;
  end: number;
  /** Anything may follow a match. */
  open: boolean;
  /** A match may begin anywhere. */
  anywhere: boolean;
}

/** A set of states; `matched`: whatever follows is accepted. */
interface Subset {
  key: string;
  states: number[];
  matched: boolean;
}

function determinize(nfa: Nfa, { start, end, open, anywhere }: Ends): Dfa {
  const starts = startsOf(nfa.edges.flat().flatMap(({ set }) => set.flatMap(([low, high]) => [low, high + 1])));
  const byClass = nfa.edges.map((edges) => edges.map(({ set, to }) => ({ classes: classesOf(starts, set), to })));
  const toSubset = (states: Iterable<number>, atStart: boolean): Subset => {
    const closed = closure(nfa, states, { start: atStart, end: false });
    const matched = open && closed.has(end);
    const list = matched ? [] : [...closed].sort((a, b) => a - b);
    return { key: matched ? "matched" : `${atStart ? "^" : ""}${list}`, states: list, matched };
  };
  const first = toSubset([start], true);
  return createBuilder<Subset>(starts, ({ key }) => key).build(first, {
    step: (subset, _low, i) => {
      if (subset.matched) return subset;
      spend(subset.states.length);
      const to = subset.states.flatMap((state) =>
        byClass[state]!.filter((edge) => edge.classes[i]).map((edge) => edge.to),
      );
      const next = toSubset(anywhere ? [...to, start] : to, false);
      return next.states.length > 0 || next.matched ? next : undefined;
    },
    accepts: (subset) => subset.matched || closure(nfa, subset.states, { start: subset === first, end: true }).has(end),
  });
}

function closure(nfa: Nfa, states: Iterable<number>, here: { start: boolean; end: boolean }): Set<number> {
  const found = new Set(states);
  for (const state of found) {
    for (const { to, only } of nfa.free[state]!) if (only === undefined || here[only]) found.add(to);
  }
  return found;
}

function classesOf(starts: readonly number[], set: CharSet): boolean[] {
  return starts.map((low) => set.some(([from, to]) => from <= low && low <= to));
}
