/** Deterministic finite automata over code points, and the algebra of the string languages that they describe. */
import { spend } from "../effort.ts";
import { refusal } from "../refuse.ts";

/** State 0 is the start. Every state can reach an accepting one; a language without strings is one rejecting state. */
export interface Dfa {
  /** Character class `i` is the code points `starts[i] … starts[i + 1] - 1`, the last one up to 0x10FFFF; `starts[0]` is 0. */
  readonly starts: readonly number[];
  /** The next state at `state * starts.length + class`; -1 where nothing can follow. */
  readonly next: Int32Array;
  readonly accepting: readonly boolean[];
}

/** States that an automaton may have: more is refused as too complex. */
const mostStates = 50_000;

/** Every string. */
export const anyString: Dfa = { starts: [0], next: Int32Array.of(0), accepting: [true] };

/** No string. */
const noString: Dfa = { starts: [0], next: Int32Array.of(-1), accepting: [false] };

export function acceptsText(dfa: Dfa, text: string): boolean {
  let state = 0;
  for (const char of text) {
    state = dfa.next[state * dfa.starts.length + classOf(dfa.starts, char.codePointAt(0)!)]!;
    if (state < 0) return false;
  }
  return dfa.accepting[state]!;
}

/** The strings in both. */
export function intersectDfas(a: Dfa, b: Dfa): Dfa {
  if (a === anyString || a === b) return b;
  return b === anyString ? a : product(a, b, (inA, inB) => inA && inB);
}

/** The strings of `a` that are not in `b`. */
export function subtractDfa(a: Dfa, b: Dfa): Dfa {
  return a === b ? noString : product(a, b, (inA, inB) => inA && !inB);
}

export function isEmptyDfa(dfa: Dfa): boolean {
  return dfa.accepting.length === 1 && !dfa.accepting[0];
}

/** Exactly these strings. */
export function dfaOf(texts: Iterable<string>): Dfa {
  const list = [...texts];
  const points = list.map((text) => Array.from(text, (char) => char.codePointAt(0)!));
  const starts = startsOf(points.flat().flatMap((code) => [code, code + 1]));
  const builder = createBuilder<readonly number[][]>(starts, (suffixes) => String(suffixes.map((s) => `${s};`)));
  return builder.build(points, {
    step: (suffixes, low) => {
      const rest = suffixes.filter((suffix) => suffix[0] === low).map((suffix) => suffix.slice(1));
      return rest.length === 0 ? undefined : rest;
    },
    accepts: (suffixes) => suffixes.some((suffix) => suffix.length === 0),
  });
}

/** Those of the strings that have `min … max` code points. */
export function ofLengthDfa(dfa: Dfa, min: number, max: number): Dfa {
  const cap = max === Number.POSITIVE_INFINITY ? min : max;
  const builder = createBuilder<readonly [number, number]>(dfa.starts, ([state, length]) => state * (cap + 1) + length);
  return builder.build([0, 0], {
    step: ([state, length], _low, i) => {
      const to = dfa.next[state * dfa.starts.length + i]!;
      if (to < 0 || length === max) return undefined;
      return [to, Math.min(length + 1, cap)];
    },
    accepts: ([state, length]) => length >= min && dfa.accepting[state]!,
  });
}

/** Lengths in code points of the shortest and the longest string (Infinity: no longest one). For a language with strings. */
export function lengthsOf(dfa: Dfa): { min: number; max: number } {
  const depth = longestPath(dfa);
  let states = new Set([0]);
  for (let length = 0; ; length++) {
    if ([...states].some((state) => dfa.accepting[state])) return { min: length, max: depth };
    states = new Set([...states].flatMap((state) => successors(dfa, state)));
  }
}

/** All strings of the language in code point order; undefined when there are more than `most`. */
export function textsOf(dfa: Dfa, most: number): string[] | undefined {
  if (longestPath(dfa) === Number.POSITIVE_INFINITY) return undefined;
  const found: string[] = [];
  const visit = (state: number, text: string): boolean => {
    if (dfa.accepting[state]) found.push(text);
    if (found.length > most) return false;
    return edgesOf(dfa, state).every(([low, high, to]) => {
      if (high - low >= most) return false;
      for (let code = low; code <= high; code++) {
        const surrogate = code >= 0xd800 && code <= 0xdfff;
        if (!surrogate && !visit(to, text + String.fromCodePoint(code))) return false;
      }
      return true;
    });
  };
  return visit(0, "") ? found : undefined;
}

/** What leaves a state: `[lowest code point, highest code point, next state]`. */
export function edgesOf(dfa: Dfa, state: number): [low: number, high: number, to: number][] {
  const edges: [number, number, number][] = [];
  dfa.starts.forEach((low, i) => {
    const to = dfa.next[state * dfa.starts.length + i]!;
    if (to >= 0) edges.push([low, (dfa.starts[i + 1] ?? 0x110000) - 1, to]);
  });
  return edges;
}

/** The class starts that keep all these code points apart. */
export function startsOf(codePoints: Iterable<number>): number[] {
  return [...new Set([0, ...codePoints])].filter((code) => code <= 0x10ffff).sort((a, b) => a - b);
}

/** How to walk an automaton that is being built: `S` is whatever tells its states apart. */
interface Walk<S> {
  /** The state after any code point of the class that begins at `low`. */
  step(state: S, low: number, classIndex: number): S | undefined;
  accepts(state: S): boolean;
}

/** Builds an automaton by following `step` from a start state; states with equal keys are one. */
export function createBuilder<S>(starts: readonly number[], key: (state: S) => string | number) {
  return {
    build(start: S, { step, accepts }: Walk<S>): Dfa {
      const ids = new Map([[key(start), 0]]);
      const states = [start];
      const next: number[] = [];
      const idOf = (state: S): number => {
        const name = key(state);
        const id = ids.get(name) ?? states.push(state) - 1;
        ids.set(name, id);
        return id;
      };
      for (let at = 0; at < states.length; at++) {
        spend(starts.length);
        starts.forEach((low, i) => {
          const to = step(states[at]!, low, i);
          next.push(to === undefined ? -1 : idOf(to));
        });
        if (states.length > mostStates) throw refusal(`The automaton has more than ${mostStates} states: too complex.`);
      }
      return trim({ starts, next: Int32Array.from(next), accepting: states.map(accepts) });
    },
  };
}

function product(a: Dfa, b: Dfa, keep: (inA: boolean, inB: boolean) => boolean): Dfa {
  const starts = startsOf([...a.starts, ...b.starts]);
  const inA = starts.map((low) => classOf(a.starts, low));
  const inB = starts.map((low) => classOf(b.starts, low));
  const width = b.accepting.length + 1;
  const go = (dfa: Dfa, state: number, i: number) => (state < 0 ? -1 : dfa.next[state * dfa.starts.length + i]!);
  const builder = createBuilder<readonly [number, number]>(starts, ([x, y]) => (x + 1) * width + y + 1);
  return builder.build([0, 0], {
    step: ([x, y], _low, i) => {
      const to = [go(a, x, inA[i]!), go(b, y, inB[i]!)] as const;
      return to[0] < 0 && to[1] < 0 ? undefined : to;
    },
    accepts: ([x, y]) => keep(x >= 0 && a.accepting[x]!, y >= 0 && b.accepting[y]!),
  });
}

/** Takes out the states from which nothing is accepted. */
function trim(dfa: Dfa): Dfa {
  const { starts, next, accepting } = dfa;
  const count = accepting.length;
  const before: number[][] = accepting.map(() => []);
  for (let i = 0; i < next.length; i++) if (next[i]! >= 0) before[next[i]!]!.push(Math.floor(i / starts.length));
  const useful = accepting.slice();
  const queue = [...accepting.keys()].filter((state) => accepting[state]);
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    for (const from of before[state]!) {
      if (!useful[from]) queue.push(from);
      useful[from] = true;
    }
  }
  if (!useful[0]) return noString;
  const kept = [...accepting.keys()].filter((state) => useful[state]);
  const ids = new Int32Array(count).fill(-1);
  kept.forEach((state, id) => {
    ids[state] = id;
  });
  const moved = kept.flatMap((state) =>
    starts.map((_, i) => {
      const to = next[state * starts.length + i]!;
      return to < 0 ? -1 : ids[to]!;
    }),
  );
  return { starts, next: Int32Array.from(moved), accepting: kept.map((state) => accepting[state]!) };
}

function classOf(starts: readonly number[], code: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= code) low = middle;
    else high = middle - 1;
  }
  return low;
}

function successors(dfa: Dfa, state: number): number[] {
  const found: number[] = [];
  for (let at = state * dfa.starts.length; at < (state + 1) * dfa.starts.length; at++) {
    const to = dfa.next[at]!;
    if (to >= 0 && !found.includes(to)) found.push(to);
  }
  return found;
}

/** Length of the longest string; Infinity where the automaton has a loop (every state leads to acceptance). */
function longestPath(dfa: Dfa): number {
  const known = new Map<number, number>();
  const open = new Set<number>();
  const stack: [state: number, done: boolean][] = [[0, false]];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [state, done] = top;
    const after = successors(dfa, state);
    if (done) {
      open.delete(state);
      known.set(
        state,
        after.reduce((longest, to) => Math.max(longest, known.get(to)! + 1), 0),
      );
    } else if (!known.has(state)) {
      if (open.has(state)) continue;
      open.add(state);
      if (after.some((to) => open.has(to))) return Number.POSITIVE_INFINITY;
      stack.push([state, true], ...after.map((to) => [to, false] as [number, boolean]));
    }
  }
  return known.get(0)!;
}
