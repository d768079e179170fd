/** How much memory a graph's values take, from its shapes alone. */
import { sizeOf } from "../util.ts";
import type { Tensor } from "./ops.ts";
import { topologicalOrder } from "./tensor.ts";

export interface LiveMemory {
  /** Bytes of what is fed, constants included. */
  fed: number;
  /** Most bytes of computed values that are needed at one time, outputs included; operations run in topological order. */
  peak: number;
}

const bytesPerElement = { f32: 4, i32: 4, u8: 1 };
const bytesOf = ({ shape, dtype }: Tensor) => bytesPerElement[dtype] * sizeOf(shape);
const isFed = ({ op }: Tensor) => op === "input" || op === "constant";
/** The value of which this one is only another view. */
const sourceOf = (x: Tensor): Tensor => (x.op === "reshape" || x.op === "customVjp" ? sourceOf(x.inputs[0]!) : x);

export function liveMemory(outputs: readonly Tensor[]): LiveMemory {
  const order = topologicalOrder(outputs);
  const lastUse = new Map<Tensor, number>();
  for (const [at, { inputs }] of order.entries()) for (const x of inputs) lastUse.set(sourceOf(x), at);
  for (const output of outputs) lastUse.set(sourceOf(output), order.length);
  const freed = Map.groupBy(lastUse.keys(), (x) => lastUse.get(x)!);
  let [live, peak] = [0, 0];
  for (const [at, tensor] of order.entries()) {
    if (!isFed(tensor) && sourceOf(tensor) === tensor) live += bytesOf(tensor);
    peak = Math.max(peak, live);
    for (const dead of freed.get(at) ?? []) if (!isFed(dead)) live -= bytesOf(dead);
  }
  return { fed: order.filter(isFed).reduce((sum, x) => sum + bytesOf(x), 0), peak };
}
