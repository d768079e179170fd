/** Shape and type of each operation's result. A wrong graph is found here, when it is built. */
import { assert, sizeOf } from "../util.ts";
import type { DType, OpAttrs, OpName, Shape, Tensor } from "./ops.ts";

type Result = { shape: Shape; dtype: DType };
type Infer<K extends OpName> = (inputs: readonly Tensor[], attrs: OpAttrs[K]) => Result;

const f32 = (shape: Shape): Result => ({ shape, dtype: "f32" });
const same = ([x]: readonly Tensor[]): Result => f32(x!.shape);

/** The shape that two shapes broadcast to, by NumPy's rule. */
function broadcastShapes(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    assert(x === y || x === 1 || y === 1, `shapes [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

function broadcast([a, b]: readonly Tensor[]): Result {
  return f32(broadcastShapes(a!.shape, b!.shape));
}

function reduced([x]: readonly Tensor[], { axes }: { axes: readonly number[] }): Result {
  return f32(x!.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)));
}

function product([a, b]: readonly Tensor[], { transA, transB }: { transA: boolean; transB: boolean }): Result {
  const [m, k] = lastTwo(a!.shape, transA);
  const [k2, n] = lastTwo(b!.shape, transB);
  const lead = a!.shape.slice(0, -2);
  assert(
    k === k2 && `${lead}` === `${b!.shape.slice(0, -2)}`,
    `matmul of [${a!.shape}] and [${b!.shape}] (${transA}, ${transB})`,
  );
  return f32([...lead, m, n]);
}

function lastTwo(shape: Shape, transposed: boolean): [number, number] {
  assert(shape.length >= 2, `matmul needs two axes, got [${shape}]`);
  const [m, n] = shape.slice(-2) as [number, number];
  return transposed ? [n, m] : [m, n];
}

const table: { [K in OpName]: Infer<K> } = {
  input: (_, { shape, dtype }) => ({ shape, dtype }),
  constant: (_, { data, shape }) => {
    assert(data.length === sizeOf(shape), `constant of ${data.length} values has shape [${shape}]`);
    const dtype = data instanceof Int32Array ? "i32" : data instanceof Uint8Array ? "u8" : "f32";
    return { shape, dtype };
  },
  add: broadcast,
  sub: broadcast,
  mul: broadcast,
  div: broadcast,
  neg: same,
  exp: same,
  log: same,
  sqrt: same,
  sigmoid: same,
  tanh: same,
  silu: same,
  geluTanh: same,
  matmul: product,
  gemm: (inputs, attrs) => {
    const result = product(inputs, attrs);
    assert(`${inputs[2]!.shape}` === `${result.shape}`, `gemm adds [${inputs[2]!.shape}] to [${result.shape}]`);
    return result;
  },
  dequantize: ([packed, scales], { bits }) => {
    const [n, blocks] = scales!.shape as [number, number];
    assert(
      packed!.dtype === "u8" && `${packed!.shape}` === `${[n, blocks, 4 * bits]}`,
      `${bits}-bit weights [${packed!.shape}] with scales [${scales!.shape}]`,
    );
    return f32([n, 32 * blocks]);
  },
  matmulPacked: ([x, , scales]) => {
    const [n, blocks] = scales!.shape as [number, number];
    assert(x!.shape.length === 2 && x!.shape[1] === 32 * blocks, `packed [${n}, ${32 * blocks}] times [${x!.shape}]`);
    return f32([x!.shape[0]!, n]);
  },
  unpack: ([packed, scales], { bits }) => {
    const [n, blocks] = scales!.shape as [number, number];
    assert(
      packed!.dtype === "u8" && `${packed!.shape}` === `${[n, blocks * 4 * bits]}`,
      `${bits}-bit weights [${packed!.shape}] with scales [${scales!.shape}]`,
    );
    return f32([n, 32 * blocks]);
  },
  after: ([x, y]) => {
    assert(x!.dtype === "f32" && y!.dtype === "f32", `after of ${x!.dtype} and ${y!.dtype}`);
    return f32(x!.shape);
  },
  sum: reduced,
  sumSquares: reduced,
  max: reduced,
  softmax: same,
  logSoftmax: same,
  rmsNorm: ([x, weight]) => {
    assert(
      weight!.shape.length === 1 && weight!.shape[0] === x!.shape.at(-1),
      `rmsNorm of [${x!.shape}] by [${weight!.shape}]`,
    );
    return f32(x!.shape);
  },
  rope: ([x, cos, sin], { heads }) => {
    const [rows, width] = x!.shape as [number, number];
    const headDim = width / heads;
    assert(x!.shape.length === 2 && Number.isInteger(headDim), `rope of [${x!.shape}] with ${heads} heads`);
    assert(
      cos!.shape[0] === rows && 2 * cos!.shape[1]! <= headDim && `${cos!.shape}` === `${sin!.shape}`,
      `rope angles [${cos!.shape}], [${sin!.shape}]`,
    );
    return f32(x!.shape);
  },
  reshape: ([x], { shape }) => {
    assert(sizeOf(x!.shape) === sizeOf(shape), `reshape of [${x!.shape}] to [${shape}]`);
    return { shape, dtype: x!.dtype };
  },
  transpose: ([x], { perm }) => ({ shape: perm.map((axis) => x!.shape[axis]!), dtype: x!.dtype }),
  concat: (inputs, { axis }) => {
    const first = inputs[0]!.shape;
    const ok = inputs.every(
      ({ shape }) => shape.length === first.length && shape.every((dim, i) => i === axis || dim === first[i]),
    );
    assert(ok, `concat of ${inputs.map(({ shape }) => `[${shape}]`).join(", ")} on axis ${axis}`);
    return f32(
      first.map((dim, i) => (i === axis ? inputs.reduce((total, { shape }) => total + shape[axis]!, 0) : dim)),
    );
  },
  slice: ([x], { axis, start, end }) => {
    assert(
      0 <= start && start < end && end <= x!.shape[axis]!,
      `slice ${start}..${end} of axis ${axis} of [${x!.shape}]`,
    );
    return f32(x!.shape.map((dim, i) => (i === axis ? end - start : dim)));
  },
  pad: ([x], { axis, start, length }) => {
    assert(
      0 <= start && start + x!.shape[axis]! <= length,
      `pad of [${x!.shape}] at ${start} of ${length} on axis ${axis}`,
    );
    return f32(x!.shape.map((dim, i) => (i === axis ? length : dim)));
  },
  expand: ([x], { shape }) => {
    assert(`${broadcastShapes(x!.shape, shape)}` === `${shape}`, `expand of [${x!.shape}] to [${shape}]`);
    return f32(shape);
  },
  gatherRows: ([rows, index]) => f32([index!.shape[0]!, rows!.shape[1]!]),
  scatterRows: ([index, updates], { rows }) => {
    assert(index!.shape[0] === updates!.shape[0], `scatterRows of [${updates!.shape}] by [${index!.shape}]`);
    return f32([rows, updates!.shape[1]!]);
  },
  pick: ([x, index]) => {
    assert(x!.shape.length === 2 && x!.shape[0] === index!.shape[0], `pick from [${x!.shape}] by [${index!.shape}]`);
    return f32([x!.shape[0]!, 1]);
  },
  bump: same,
  customVjp: same,
};

/** Shape and type of `op` applied to `inputs`; throws `internal` when they do not fit. */
export function infer<K extends OpName>(op: K, inputs: readonly Tensor[], attrs: OpAttrs[K]): Result {
  return table[op](inputs, attrs);
}
