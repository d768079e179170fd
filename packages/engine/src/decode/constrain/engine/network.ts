/** A grammar as a network of nodes: what the matcher walks. */
import { spend } from "../effort.ts";
import { type Automaton, type Expr, type Rule, rulesIn } from "../grammar/expr.ts";
import { refusal } from "../refuse.ts";
import { findLeftRecursion, prune } from "./network-checks.ts";
import { createNullable } from "./nullable.ts";

export interface Node {
  /** The rule that this node belongs to. */
  rule: string;
  bytes: { low: number; high: number; to: number }[];
  /** Nodes reached without a byte. */
  free: number[];
  /** Goes to a rule's first node; when the rule ends, on to `back`. `tail`: `back` is an end itself. */
  calls: { to: number; back: number; tail: boolean }[];
  /** Runs `body` (a rule of its own) `min … max` times, then goes to `exit`. */
  loop?: { min: number; max: number; body: number; exit: number };
  /** The rule may end here. */
  end: boolean;
}

export interface Network {
  nodes: Node[];
  start: number;
}

const mostNodes = 2_000_000;
/** What a node costs, in steps. */
const nodeSteps = 10;
/** Copies of an expression that may match nothing: counting them is not possible, copying is. */
const mostCopies = 1000;

/**
 * Builds the network, takes out what leads to no end, and makes sure that no rule calls itself before it has read a byte.
 *
 * @throws EngineError `invalid_request` for left recursion, for a grammar that accepts no text, and for one that is too large.
 */
export function buildNetwork(root: Expr): Network {
  const nodes: Node[] = [];
  const starts = new Map<Rule, number>();
  const pending: [rule: Rule, start: number][] = [];
  const isNullable = createNullable(rulesIn(root));

  const addNode = (rule: string, end = false): number => {
    if (nodes.length >= mostNodes) throw refusal(`The grammar needs more than ${mostNodes} nodes: too large.`);
    spend(nodeSteps);
    return nodes.push({ rule, bytes: [], free: [], calls: [], end }) - 1;
  };
  const startOf = (rule: Rule): number => {
    const known = starts.get(rule);
    if (known !== undefined) return known;
    const start = addNode(rule.name);
    starts.set(rule, start);
    pending.push([rule, start]);
    return start;
  };
  const free = (from: number, to: number) => nodes[from]!.free.push(to);

  /** Adds ways from `from` to `to` that read `expr`. */
  function add(expr: Expr, from: number, to: number, name: string): void {
    switch (expr.kind) {
      case "bytes":
        addBytes(expr.bytes, from, to, name);
        return;
      case "byte":
        for (const [low, high] of expr.ranges) nodes[from]!.bytes.push({ low, high, to });
        return;
      case "alt":
        for (const item of expr.items) add(item, from, to, name);
        return;
      case "seq":
        addSequence(expr.items, from, to, name);
        return;
      case "rule":
        nodes[from]!.calls.push({ to: startOf(expr.rule), back: to, tail: false });
        return;
      case "automaton":
        addAutomaton(expr.automaton, from, to, name);
        return;
      case "repeat":
        addRepeat(expr, from, to, name);
        return;
    }
  }

  function addBytes(bytes: Uint8Array, from: number, to: number, name: string): void {
    let at = from;
    bytes.forEach((byte, i) => {
      const next = i === bytes.length - 1 ? to : addNode(name);
      nodes[at]!.bytes.push({ low: byte, high: byte, to: next });
      at = next;
    });
  }

  function addSequence(items: readonly Expr[], from: number, to: number, name: string): void {
    let at = from;
    items.forEach((item, i) => {
      const next = i === items.length - 1 ? to : addNode(name);
      add(item, at, next, name);
      at = next;
    });
    if (items.length === 0) free(from, to);
  }

  function addAutomaton({ states, edges, accepting }: Automaton, from: number, to: number, name: string): void {
    const ids = Array.from({ length: states }, () => addNode(name));
    free(from, ids[0]!);
    for (const edge of edges) add(edge.label, ids[edge.from]!, ids[edge.to]!, name);
    for (const state of accepting) free(ids[state]!, to);
  }

  function addRepeat(expr: Expr & { kind: "repeat" }, from: number, to: number, name: string): void {
    const { item, max } = expr;
    const nullable = isNullable(item);
    const min = nullable ? 0 : expr.min;
    if (max === Number.POSITIVE_INFINITY && min <= 1) addUnbounded(item, min, from, to, name);
    else if (max <= 1 || nullable) addCopies(item, min, max, from, to, name);
    else addLoop(item, min, max, from, to, name);
  }

  function addUnbounded(item: Expr, min: number, from: number, to: number, name: string): void {
    const [first, last] = [addNode(name), addNode(name)];
    free(from, first);
    add(item, first, last, name);
    free(last, first);
    free(last, to);
    if (min === 0) free(from, to);
  }

  function addCopies(item: Expr, min: number, max: number, from: number, to: number, name: string): void {
    if (max > mostCopies) {
      throw refusal(`${name} repeats something that may be empty up to ${max} times, more than ${mostCopies}.`);
    }
    let at = from;
    for (let i = 0; i < max; i++) {
      if (i >= min) free(at, to);
      const next = addNode(name);
      add(item, at, next, name);
      at = next;
    }
    free(at, to);
  }

  function addLoop(item: Expr, min: number, max: number, from: number, to: number, name: string): void {
    const [at, body, last] = [addNode(name), addNode(name), addNode(name, true)];
    free(from, at);
    add(item, body, last, name);
    nodes[at]!.loop = { min, max, body, exit: to };
  }

  const start = addNode("root");
  add(root, start, addNode("root", true), "root");
  for (let next = pending.pop(); next; next = pending.pop()) {
    add(next[0].body, next[1], addNode(next[0].name, true), next[0].name);
  }
  const network = { nodes, start };
  markTails(network);
  prune(network);
  findLeftRecursion(network);
  return network;
}

/** A call after which only the end is left needs no way back: the caller's own way back will do. */
function markTails({ nodes }: Network): void {
  const onlyEnd = (id: number, seen = 0): boolean => {
    const { bytes, free, calls, loop, end } = nodes[id]!;
    if (bytes.length > 0 || calls.length > 0 || loop || seen > 8) return false;
    return end ? free.length === 0 : free.length === 1 && onlyEnd(free[0]!, seen + 1);
  };
  for (const { calls } of nodes) for (const call of calls) call.tail = onlyEnd(call.back);
}
