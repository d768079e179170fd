/** Reverse-mode differentiation: one table of rules, one pass backwards over the graph. */
import { assert, range, sizeOf } from "../util.ts";
import type { OpAttrs, OpName, Shape, Tensor } from "./ops.ts";
import * as t from "./tensor.ts";

/** Gradients of the inputs from the gradient `g` of the result `y`; null where there is none (indices). */
type Rule<K extends OpName> = (g: Tensor, y: Tensor, inputs: readonly Tensor[], attrs: OpAttrs[K]) => (Tensor | null)[];

/** Sums `g` over the axes along which `shape` was broadcast. */
function unbroadcast(g: Tensor, shape: Shape): Tensor {
  const lead = g.shape.length - shape.length;
  const axes = range(g.shape.length).filter((axis) => g.shape[axis] !== (shape[axis - lead] ?? 1) || axis < lead);
  return t.reshape(axes.length > 0 ? t.sum(g, axes) : g, shape);
}

const linear = "a reduction without a gradient of its own";
const none: Rule<OpName> = () => [];

const rules: { [K in OpName]: Rule<K> } = {
  input: none,
  constant: none,
  add: (g, _, [a, b]) => [unbroadcast(g, a!.shape), unbroadcast(g, b!.shape)],
  sub: (g, _, [a, b]) => [unbroadcast(g, a!.shape), unbroadcast(t.neg(g), b!.shape)],
  mul: (g, _, [a, b]) => [unbroadcast(t.mul(g, b!), a!.shape), unbroadcast(t.mul(g, a!), b!.shape)],
  div: (g, y, [a, b]) => {
    const overB = t.div(g, b!);
    return [unbroadcast(overB, a!.shape), unbroadcast(t.neg(t.mul(overB, y)), b!.shape)];
  },
  neg: (g) => [t.neg(g)],
  exp: (g, y) => [t.mul(g, y)],
  log: (g, _, [x]) => [t.div(g, x!)],
  sqrt: (g, y) => [t.div(t.mul(g, 0.5), y)],
  sigmoid: (g, y) => [t.mul(g, t.sub(y, t.mul(y, y)))],
  tanh: (g, y) => [t.sub(g, t.mul(g, t.mul(y, y)))],
  // d/dx x·σ(x) = σ(x) + y·(1 − σ(x))
  silu: (g, y, [x]) => {
    const s = t.sigmoid(x!);
    return [t.mul(g, t.add(s, t.mul(y, t.sub(1, s))))];
  },
  geluTanh: (g, y, [x]) => [t.mul(g, geluTanhSlope(x!, y))],
  matmul: (g, _, [a, b], { transA, transB, alpha }) => [
    transA ? t.matmul(b!, g, { transA: transB, transB: true, alpha }) : t.matmul(g, b!, { transB: !transB, alpha }),
    transB ? t.matmul(g, a!, { transA: true, transB: transA, alpha }) : t.matmul(a!, g, { transA: !transA, alpha }),
  ],
  gemm: () => assert(false, "gemm is made after differentiation") as never,
  // Packed weights are frozen.
  dequantize: () => [null, null],
  matmulPacked: () => assert(false, "matmulPacked is made after differentiation") as never,
  unpack: () => [null, null],
  after: (g) => [g, null],
  sum: (g, _, [x]) => [t.expand(g, x!.shape)],
  sumSquares: (g, _, [x]) => [t.mul(t.mul(g, 2), x!)],
  max: () => assert(false, `max is ${linear}`) as never,
  softmax: (g, y) => [t.mul(y, t.sub(g, t.sum(t.mul(g, y), [-1])))],
  logSoftmax: (g, y) => [t.sub(g, t.mul(t.exp(y), t.sum(g, [-1])))],
  rmsNorm: rmsNormRule,
  // A rotation's transpose turns the other way.
  rope: (g, _, [, cos, sin], { heads }) => [t.rope(g, cos!, t.neg(sin!), heads), null, null],
  reshape: (g, _, [x]) => [t.reshape(g, x!.shape)],
  transpose: (g, _, __, { perm }) => [
    t.transpose(
      g,
      range(perm.length).map((axis) => perm.indexOf(axis)),
    ),
  ],
  concat: (g, _, inputs, { axis }) => {
    let end = 0;
    return inputs.map(({ shape }) => {
      end += shape[axis]!;
      return t.slice(g, axis, end - shape[axis]!, end);
    });
  },
  slice: (g, _, [x], { axis, start }) => [t.pad(g, axis, start, x!.shape[axis]!)],
  pad: (g, _, [x], { axis, start }) => [t.slice(g, axis, start, start + x!.shape[axis]!)],
  expand: (g, _, [x]) => [unbroadcast(g, x!.shape)],
  gatherRows: (g, _, [table, index]) => [t.scatterRows(index!, g, table!.shape[0]!), null],
  scatterRows: (g, _, [index]) => [null, t.gatherRows(g, index!)],
  pick: (g, _, [x, index]) => [t.bump(zeros(x!.shape), index!, g), null],
  bump: (g, _, [, index]) => [g, null, t.pick(g, index!)],
  customVjp: (g, _, __, { vjp }) => [null, ...vjp(g)],
};

/**
 * With n = last axis, i = 1/sqrt(mean(x²) + ε) and h = g·weight:
 * dx = i·h − x·i³·Σ(h·x)/n,  dweight = Σ over rows of g·x·i.
 */
function rmsNormRule(g: Tensor, _: Tensor, [x, weight]: readonly Tensor[], { epsilon }: { epsilon: number }): Tensor[] {
  const n = x!.shape.at(-1)!;
  const inverse = t.div(1, t.sqrt(t.add(t.mul(t.sumSquares(x!, [-1]), 1 / n), epsilon)));
  const h = t.mul(g, weight!);
  const pull = t.mul(t.sum(t.mul(h, x!), [-1]), t.mul(t.mul(t.mul(inverse, inverse), inverse), 1 / n));
  return [t.sub(t.mul(h, inverse), t.mul(x!, pull)), unbroadcast(t.mul(t.mul(g, x!), inverse), weight!.shape)];
}

function zeros(shape: Shape): Tensor {
  return t.expand(
    t.constant(
      new Float32Array(1),
      shape.map(() => 1),
    ),
    shape,
  );
}

/**
 * With s = sigmoid(v) and v = 2√(2/π)·(x + 0.044715·x³), which is (1 + tanh(v/2)) / 2, the function is y = x·s and its slope
 * s + y·(1 − s)·dv/dx.
 */
function geluTanhSlope(x: Tensor, y: Tensor): Tensor {
  const linear = 2 * Math.sqrt(2 / Math.PI);
  const square = t.mul(x, x);
  const s = t.sigmoid(t.mul(x, t.add(t.mul(square, 0.044715 * linear), linear)));
  const dv = t.add(t.mul(square, 3 * 0.044715 * linear), linear);
  return t.add(s, t.mul(t.sub(y, t.mul(y, s)), dv));
}

/** Σ of the parts of one gradient. Those of slices that lie side by side are joined, not padded and added. */
function summed(parts: readonly Tensor[]): Tensor {
  return joined(parts) ?? parts.reduce((a, b) => t.add(a, b));
}

function joined(parts: readonly Tensor[]): Tensor | null {
  if (parts.some(({ op }) => op !== "pad")) return null;
  const pads = (parts as Tensor<"pad">[]).toSorted((a, b) => a.attrs.start - b.attrs.start);
  const { axis, length } = pads[0]!.attrs;
  let end = 0;
  for (const { attrs, inputs } of pads) {
    if (attrs.axis !== axis || attrs.start !== end) return null;
    end += inputs[0]!.shape[axis]!;
  }
  return end === length
    ? t.concat(
        pads.map(({ inputs }) => inputs[0]!),
        axis,
      )
    : null;
}

/**
 * Gradients of the scalar `loss` with respect to each of `wrt`, in their order and shapes.
 * Only what lies between `wrt` and `loss` is differentiated, so frozen weights cost nothing.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  assert(sizeOf(loss.shape) === 1, `the loss must be a scalar, got [${loss.shape}]`);
  return pullback(loss, t.constant(new Float32Array([1]), loss.shape), wrt);
}

/**
 * Gradients of Σ y·g with respect to each of `wrt`, as though these and g were fixed values that do not depend on each other; g has the
 * shape of y.
 */
export function pullback(y: Tensor, gradient: Tensor, wrt: readonly Tensor[]): Tensor[] {
  const order = t.topologicalOrder([y], [...wrt, gradient]);
  const active = activeTensors(order, wrt);
  const parts = new Map<Tensor, Tensor[]>([[y, [gradient]]]);
  for (const tensor of order.reverse()) {
    const found = parts.get(tensor);
    if (found === undefined || !active.has(tensor)) continue;
    const rule = rules[tensor.op] as Rule<OpName>;
    rule(summed(found), tensor, tensor.inputs, tensor.attrs).forEach((part, i) => {
      const target = tensor.inputs[i]!;
      if (part !== null && active.has(target)) parts.set(target, [...(parts.get(target) ?? []), part]);
    });
  }
  return wrt.map((tensor) => (parts.has(tensor) ? summed(parts.get(tensor)!) : zeros(tensor.shape)));
}

/** What depends on one of `wrt`. A customVjp's first input is only its value. */
function activeTensors(order: readonly Tensor[], wrt: readonly Tensor[]): Set<Tensor> {
  const active = new Set(wrt);
  for (const tensor of order) {
    const sources = tensor.op === "customVjp" ? tensor.inputs.slice(1) : tensor.inputs;
    if (sources.some((source) => active.has(source))) active.add(tensor);
  }
  return active;
}
