/** Automata that are found by following a rule from a start state. */
import { spend } from "../effort.ts";
import { refusal } from "../refuse.ts";
import type { Automaton, Expr } from "./expr.ts";

/** What tells the states of an automaton apart and where they lead. */
export interface Exploration<S> {
  start: S;
  key(state: S): string;
  follow(state: S): readonly { label: Expr; to: S }[];
  accepts(state: S): boolean;
  /** More states than this are refused. */
  mostStates: number;
}

/** @throws EngineError `invalid_request`, without a path, when there are too many states. */
export function explore<S>({ start, key, follow, accepts, mostStates }: Exploration<S>): Expr {
  const ids = new Map([[key(start), 0]]);
  const states = [start];
  const edges: Automaton["edges"] = [];
  for (let from = 0; from < states.length; from++) {
    for (const { label, to } of follow(states[from]!)) {
      const name = key(to);
      const id = ids.get(name) ?? states.push(to) - 1;
      ids.set(name, id);
      edges.push({ from, label, to: id });
    }
    spend(1);
    if (states.length > mostStates) throw refusal(`It needs more than ${mostStates} states: too complex.`);
  }
  const accepting = [...states.keys()].filter((id) => accepts(states[id]!));
  return { kind: "automaton", automaton: { states: states.length, edges, accepting } };
}
