/** How much memory a graph's values take, from its shapes alone. */
import { sizeOf } from "../util.ts";
import type { Tensor } from "./ops.ts";
import { topologicalOrder } from "./tensor.ts";

export interface LiveMemory {
  /** Bytes of what is fed, constants included. */
  fed: number;
  /** Most bytes of computed values that are needed at one time, outputs included; operations run in topological order. */
  peak: number;
  /**
   * The same where memory is divided as ONNX Runtime does: a value takes the place of a dead one of its own shape, and a place is given back
   * when no later value takes it.
   */
  held: number;
}

const bytesPerElement = { f32: 4, i32: 4, u8: 1 };
const bytesOf = ({ shape, dtype }: Tensor) => bytesPerElement[dtype] * sizeOf(shape);
const isFed = ({ op }: Tensor) => op === "input" || op === "constant";
/** The value of which this one is only another view. */
const sourceOf = (x: Tensor): Tensor => (x.op === "reshape" || x.op === "customVjp" ? sourceOf(x.inputs[0]!) : x);

export function liveMemory(outputs: readonly Tensor[]): LiveMemory {
  const order = topologicalOrder(outputs);
  const values = lifetimes(order, outputs);
  return {
    fed: order.filter(isFed).reduce((sum, x) => sum + bytesOf(x), 0),
    peak: mostAtOnce(values),
    held: mostAtOnce(shared(values)),
  };
}

/** Something in memory from the operation numbered `start` to the one numbered `end`. */
interface Lifetime {
  kind: string;
  bytes: number;
  start: number;
  end: number;
}

/** Of every computed value, in the order in which they are. */
function lifetimes(order: readonly Tensor[], outputs: readonly Tensor[]): Lifetime[] {
  const lastUse = new Map<Tensor, number>();
  for (const [at, { inputs }] of order.entries()) for (const x of inputs) lastUse.set(sourceOf(x), at);
  for (const output of outputs) lastUse.set(sourceOf(output), order.length);
  return order.flatMap((x, start) => {
    if (isFed(x) || sourceOf(x) !== x) return [];
    return [{ kind: `${x.dtype}${x.shape}`, bytes: bytesOf(x), start, end: lastUse.get(x) ?? start }];
  });
}

/** The places that values of equal kinds take one after the other. */
function shared(values: readonly Lifetime[]): Lifetime[] {
  const places = new Map<string, Lifetime[]>();
  for (const value of values) {
    const ofKind = places.get(value.kind) ?? [];
    const free = ofKind.find(({ end }) => end < value.start);
    if (free === undefined) ofKind.push({ ...value });
    else free.end = value.end;
    places.set(value.kind, ofKind);
  }
  return [...places.values()].flat();
}

function mostAtOnce(lifetimes: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  const change = (at: number, bytes: number) => changes.set(at, (changes.get(at) ?? 0) + bytes);
  for (const { bytes, start, end } of lifetimes) {
    change(start, bytes);
    change(end + 1, -bytes);
  }
  let [live, most] = [0, 0];
  for (const at of [...changes.keys()].sort((a, b) => a - b)) {
    live += changes.get(at)!;
    most = Math.max(most, live);
  }
  return most;
}
