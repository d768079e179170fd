/** Builds graphs: one function an operation. Nothing is computed here. */
import { infer } from "./infer.ts";
import type { DType, OpAttrs, OpName, PackedBits, Shape, Tensor, Vjp } from "./ops.ts";

export type { DType, Shape, Tensor } from "./ops.ts";

/** Any operation by name. Throws `internal` when shapes do not fit. */
export function node<K extends OpName>(op: K, inputs: readonly Tensor[], attrs: OpAttrs[K]): Tensor {
  return { op, inputs, attrs, ...infer(op, inputs, attrs) } as Tensor;
}

/** A number where a tensor is expected becomes a scalar constant. */
export type Operand = Tensor | number;

function asTensor(value: Operand): Tensor {
  return typeof value === "number" ? constant(new Float32Array([value]), []) : value;
}

export const input = (name: string, shape: Shape, dtype: DType = "f32"): Tensor =>
  node("input", [], { name, shape, dtype });
export const constant = (data: Float32Array | Int32Array | Uint8Array, shape: Shape): Tensor =>
  node("constant", [], { data, shape });

export const add = (a: Operand, b: Operand): Tensor => node("add", [asTensor(a), asTensor(b)], {});
export const sub = (a: Operand, b: Operand): Tensor => node("sub", [asTensor(a), asTensor(b)], {});
export const mul = (a: Operand, b: Operand): Tensor => node("mul", [asTensor(a), asTensor(b)], {});
export const div = (a: Operand, b: Operand): Tensor => node("div", [asTensor(a), asTensor(b)], {});
export const neg = (x: Tensor): Tensor => node("neg", [x], {});
export const exp = (x: Tensor): Tensor => node("exp", [x], {});
export const log = (x: Tensor): Tensor => node("log", [x], {});
export const sqrt = (x: Tensor): Tensor => node("sqrt", [x], {});
export const sigmoid = (x: Tensor): Tensor => node("sigmoid", [x], {});
export const tanh = (x: Tensor): Tensor => node("tanh", [x], {});
export const silu = (x: Tensor): Tensor => node("silu", [x], {});
export const geluTanh = (x: Tensor): Tensor => node("geluTanh", [x], {});

export interface MatmulOptions {
  transA?: boolean;
  transB?: boolean;
  /** Factor of the product. Default 1. */
  alpha?: number;
}
export const matmul = (
  a: Tensor,
  b: Tensor,
  { transA = false, transB = false, alpha = 1 }: MatmulOptions = {},
): Tensor => node("matmul", [a, b], { transA, transB, alpha });

export const dequantize = (packed: Tensor, scales: Tensor, bits: PackedBits): Tensor =>
  node("dequantize", [packed, scales], { bits });

export const unpack = (packed: Tensor, scales: Tensor, bits: PackedBits): Tensor =>
  node("unpack", [packed, scales], { bits });

/** x, whose users are not computed before y: values of one graph that are meant to be in memory one after the other. */
export const after = (x: Tensor, y: Tensor): Tensor => node("after", [x, y], {});

const positive = (x: Tensor, axes: readonly number[]) => axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
export const sum = (x: Tensor, axes: readonly number[]): Tensor => node("sum", [x], { axes: positive(x, axes) });
export const sumSquares = (x: Tensor, axes: readonly number[]): Tensor =>
  node("sumSquares", [x], { axes: positive(x, axes) });
export const max = (x: Tensor, axes: readonly number[]): Tensor => node("max", [x], { axes: positive(x, axes) });

export const softmax = (x: Tensor): Tensor => node("softmax", [x], {});
export const logSoftmax = (x: Tensor): Tensor => node("logSoftmax", [x], {});
export const rmsNorm = (x: Tensor, weight: Tensor, epsilon: number): Tensor =>
  node("rmsNorm", [x, weight], { epsilon });
export const rope = (x: Tensor, cos: Tensor, sin: Tensor, heads: number): Tensor =>
  node("rope", [x, cos, sin], { heads });

export const reshape = (x: Tensor, shape: Shape): Tensor =>
  `${x.shape}` === `${shape}` ? x : node("reshape", [x], { shape });
export const transpose = (x: Tensor, perm: readonly number[]): Tensor => node("transpose", [x], { perm });
export const concat = (inputs: readonly Tensor[], axis: number): Tensor => node("concat", inputs, { axis });
export const slice = (x: Tensor, axis: number, start: number, end: number): Tensor =>
  node("slice", [x], { axis, start, end });
export const pad = (x: Tensor, axis: number, start: number, length: number): Tensor =>
  x.shape[axis] === length ? x : node("pad", [x], { axis, start, length });
export const expand = (x: Tensor, shape: Shape): Tensor =>
  `${x.shape}` === `${shape}` ? x : node("expand", [x], { shape });

export const gatherRows = (table: Tensor, index: Tensor): Tensor => node("gatherRows", [table, index], {});
export const scatterRows = (index: Tensor, updates: Tensor, rows: number): Tensor =>
  node("scatterRows", [index, updates], { rows });
export const pick = (x: Tensor, index: Tensor): Tensor => node("pick", [x, index], {});
export const bump = (x: Tensor, index: Tensor, updates: Tensor): Tensor => node("bump", [x, index, updates], {});

/**
 * `value`, computed from `inputs`, with a gradient of its own: `vjp` maps the gradient of `value` to those of `inputs`.
 * For formulas whose derivative is cheaper than the chain rule through every step.
 */
export const customVjp = (value: Tensor, inputs: readonly Tensor[], vjp: Vjp): Tensor =>
  node("customVjp", [value, ...inputs], { vjp });

/** Every tensor that `outputs` need, inputs before their users; `known` ones, and what is needed for them alone, are left out. */
export function topologicalOrder(outputs: readonly Tensor[], known: readonly Tensor[] = []): Tensor[] {
  const done = new Set(known);
  const stack: { tensor: Tensor; next: number }[] = [];
  for (const output of outputs) {
    if (!done.has(output)) stack.push({ tensor: output, next: 0 });
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const child = top.tensor.inputs[top.next++];
      if (child === undefined) {
        done.add(top.tensor);
        stack.pop();
      } else if (!done.has(child)) {
        stack.push({ tensor: child, next: 0 });
      }
    }
  }
  return [...done].slice(new Set(known).size);
}
