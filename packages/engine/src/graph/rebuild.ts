/** Walks over a graph that passes of `rewrite.ts` share. */
import type { Tensor } from "./ops.ts";
import { node, topologicalOrder } from "./tensor.ts";

/**
 * Rebuilds a graph bottom up, replacing each tensor by what `visit` makes of it and its rebuilt inputs; null = the same operation on the
 * rebuilt inputs.
 */
export function rebuild(
  outputs: readonly Tensor[],
  visit: (tensor: Tensor, inputs: Tensor[]) => Tensor | null,
): Tensor[] {
  const rebuilt = new Map<Tensor, Tensor>();
  for (const tensor of topologicalOrder(outputs)) {
    const inputs = tensor.inputs.map((x) => rebuilt.get(x)!);
    rebuilt.set(tensor, visit(tensor, inputs) ?? withInputs(tensor, inputs));
  }
  return outputs.map((tensor) => rebuilt.get(tensor)!);
}

/** The same operation on other inputs. */
export function withInputs(tensor: Tensor, inputs: readonly Tensor[]): Tensor {
  const same = inputs.every((x, i) => x === tensor.inputs[i]);
  return same ? tensor : node(tensor.op, inputs, tensor.attrs);
}

/** How often each tensor is an input of another or an output. */
export function countUses(outputs: readonly Tensor[]): Map<Tensor, number> {
  const uses = new Map<Tensor, number>();
  const count = (x: Tensor) => uses.set(x, (uses.get(x) ?? 0) + 1);
  outputs.forEach(count);
  for (const { inputs } of topologicalOrder(outputs)) inputs.forEach(count);
  return uses;
}
