/**
 * Thin products that share a factor become one: adapters of layers with the same input read it once, and the kernel gets more rows or
 * columns, with which it is several times faster.
 */
import type { Tensor } from "./ops.ts";
import { countUses, rebuild } from "./rebuild.ts";
import { concat, node, slice, topologicalOrder } from "./tensor.ts";

/** Results of at most so many rows or columns are thin. */
const thin = 64;

export function joinProducts(outputs: readonly Tensor[]): Tensor[] {
  return joinGradients(joinProjections(outputs));
}

type Product = Tensor<"matmul">;

/** `x·b₁`, `x·b₂`, … of fed b: slices of `x·[b₁ b₂ …]`. */
function joinProjections(outputs: readonly Tensor[]): Tensor[] {
  const products = topologicalOrder(outputs).filter(
    (y) => isProduct(y) && y.shape[1]! <= thin && y.inputs[1]!.op === "input",
  ) as Product[];
  const groups = groupsOf(products, 0);
  const joined = new Map<Product[], Tensor>();
  return rebuild(outputs, (tensor, inputs) => {
    const group = groups.get(tensor);
    if (group === undefined) return null;
    const { attrs } = group[0]!;
    const factors = () =>
      concat(
        group.map((y) => y.inputs[1]!),
        attrs.transB ? 0 : 1,
      );
    const whole = joined.get(group) ?? node("matmul", [inputs[0]!, factors()], attrs);
    joined.set(group, whole);
    return partOf(whole, group, tensor, 1);
  });
}

/** `a₁·x`, `a₂·x`, … that are only outputs, so that nothing waits for them: slices of the product of all a with x. */
function joinGradients(outputs: readonly Tensor[]): Tensor[] {
  const uses = countUses(outputs);
  const products = outputs.filter((y) => isProduct(y) && y.shape[0]! <= thin && uses.get(y) === 1) as Product[];
  const groups = groupsOf(products, 1);
  const joined = new Map<Product[], Tensor>();
  for (const group of new Set(groups.values())) {
    const { attrs, inputs } = group[0]!;
    const factors = concat(
      group.map((y) => y.inputs[0]!),
      attrs.transA ? 1 : 0,
    );
    joined.set(group, node("matmul", [factors, inputs[1]!], attrs));
  }
  return outputs.map((y) => {
    const group = groups.get(y);
    return group === undefined ? y : partOf(joined.get(group)!, group, y, 0);
  });
}

const isProduct = (y: Tensor) => y.op === "matmul" && y.shape.length === 2;

/** The products of each that has another with the same factor number `shared` and the same attributes. */
function groupsOf(products: readonly Product[], shared: 0 | 1): Map<Tensor, Product[]> {
  const byFactor = new Map<Tensor, Map<string, Product[]>>();
  for (const y of products) {
    const factor = y.inputs[shared]!;
    const byAttrs = byFactor.get(factor) ?? new Map<string, Product[]>();
    byFactor.set(factor, byAttrs);
    const key = JSON.stringify(y.attrs);
    byAttrs.set(key, [...(byAttrs.get(key) ?? []), y]);
  }
  const groups = [...byFactor.values()].flatMap((byAttrs) => [...byAttrs.values()]).filter(({ length }) => length > 1);
  return new Map(groups.flatMap((group) => group.map((y) => [y, group])));
}

/** Where the result of `y` lies in that of its whole group, along `axis`. */
function partOf(whole: Tensor, group: readonly Product[], y: Tensor, axis: 0 | 1): Tensor {
  const before = group.slice(0, group.indexOf(y as Product));
  const start = before.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  return slice(whole, axis, start, start + y.shape[axis]!);
}
