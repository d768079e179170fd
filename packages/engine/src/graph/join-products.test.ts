import { expect, test } from "vitest";
import { sizeOf } from "../util.ts";
import { interpret } from "./interpret.ts";
import { joinProducts } from "./join-products.ts";
import type { Tensor } from "./ops.ts";
import { add, input, matmul, topologicalOrder } from "./tensor.ts";

const x = input("x", [5, 6]);
const products = (outputs: readonly Tensor[]) => topologicalOrder(outputs).filter(({ op }) => op === "matmul").length;

/** Both graphs' results, of numbers that are all different. */
function results(outputs: readonly Tensor[]): number[][] {
  const inputs = topologicalOrder(outputs).filter(({ op }) => op === "input") as Tensor<"input">[];
  const feeds = Object.fromEntries(
    inputs.map(({ attrs: { name }, shape }) => [
      name,
      Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1.7 * i + name.charCodeAt(0))),
    ]),
  );
  return interpret(outputs, feeds).map(({ data }) => [...data]);
}

function expectEqual(outputs: readonly Tensor[]): Tensor[] {
  const joined = joinProducts(outputs);
  const [expected, found] = [results(outputs), results(joined)];
  for (const [i, data] of expected.entries()) {
    expect(joined[i]!.shape).toEqual(outputs[i]!.shape);
    for (const [j, value] of data.entries()) expect(found[i]![j]).toBeCloseTo(value, 12);
  }
  return joined;
}

test("projections of one tensor by fed matrices become one product", () => {
  const [a, b] = [input("a", [2, 6]), input("b", [3, 6])];
  const both = expectEqual([matmul(x, a, { transB: true, alpha: 2 }), matmul(x, b, { transB: true, alpha: 2 })]);
  expect(products(both)).toBe(1);
  const untransposed = expectEqual([matmul(x, input("c", [6, 2])), matmul(x, input("d", [6, 4]))]);
  expect(products(untransposed)).toBe(1);
});

test("gradients with one factor in common become one product", () => {
  const [g, h] = [input("g", [5, 2]), input("h", [5, 3])];
  expect(products(expectEqual([matmul(g, x, { transA: true }), matmul(h, x, { transA: true })]))).toBe(1);
});

test("another factor of scale, a wide result, or a single product stays as it is", () => {
  const [a, b] = [input("a", [2, 6]), input("b", [3, 6])];
  const scaled = [matmul(x, a, { transB: true, alpha: 2 }), matmul(x, b, { transB: true })];
  const wide = [matmul(x, input("w", [65, 6]), { transB: true }), matmul(x, a, { transB: true })];
  for (const outputs of [scaled, wide]) expect(joinProducts(outputs)).toEqual(outputs);
});

test("a product that another one waits for is not joined with it", () => {
  const first = matmul(input("g", [5, 5]), x, { transA: true });
  const second = matmul(first, x, { transB: true });
  const third = matmul(second, x);
  expect(products(expectEqual([add(first, third), third]))).toBe(3);
});
