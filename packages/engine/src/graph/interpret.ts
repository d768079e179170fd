/**
 * The slow, obvious twin of ONNX Runtime: plain loops in double precision. Tests compare the two, and differentiate
 * numerically through this one.
 */
import { assert, range, sizeOf } from "../util.ts";
import type { OpAttrs, OpName, Shape, Tensor } from "./ops.ts";
import { topologicalOrder } from "./tensor.ts";

/** A value of the interpreter: row-major numbers in double precision. */
export interface Value {
  shape: Shape;
  data: Float64Array;
}

type Eval<K extends OpName> = (inputs: readonly Value[], attrs: OpAttrs[K], shape: Shape) => Value;

const filled = (shape: Shape, at: (i: number) => number): Value => ({
  shape,
  data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => at(i)),
});
const map =
  (f: (x: number) => number): Eval<OpName> =>
  ([x]) => ({ shape: x!.shape, data: x!.data.map(f) });
const copy = ({ data }: Value, shape: Shape): Value => ({ shape, data: data.slice() });

/** Index into a tensor of shape `from` for each position of the shape that it broadcasts to. */
function broadcastIndex(from: Shape, to: Shape): (i: number) => number {
  const lead = to.length - from.length;
  const strides = stridesOf(from).map((stride, axis) => (from[axis] === 1 ? 0 : stride));
  const outer = stridesOf(to);
  return (i) =>
    outer.reduce(
      (sum, stride, axis) => sum + (axis < lead ? 0 : (Math.floor(i / stride) % to[axis]!) * strides[axis - lead]!),
      0,
    );
}

function stridesOf(shape: Shape): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

const binary =
  (f: (x: number, y: number) => number): Eval<OpName> =>
  ([a, b], _, shape) => {
    const ia = broadcastIndex(a!.shape, shape);
    const ib = broadcastIndex(b!.shape, shape);
    return filled(shape, (i) => f(a!.data[ia(i)]!, b!.data[ib(i)]!));
  };

function reduce(start: number, f: (total: number, x: number) => number): Eval<OpName> {
  return ([x], _, shape) => {
    const result = filled(shape, () => start);
    const target = broadcastIndex(shape, x!.shape);
    for (let i = 0; i < x!.data.length; i++) result.data[target(i)] = f(result.data[target(i)]!, x!.data[i]!);
    return result;
  };
}

/** Applies `f` to each row of the last axis. */
function rowwise(x: Value, f: (row: Float64Array) => Float64Array): Value {
  const width = x.shape.at(-1)!;
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start += width) data.set(f(x.data.subarray(start, start + width)), start);
  return { shape: x.shape, data };
}

function logSoftmaxRow(row: Float64Array): Float64Array {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = row.reduce((sum, x) => sum + Math.exp(x - top), 0);
  return row.map((x) => x - top - Math.log(total));
}

function product([a, b, c]: readonly Value[], { transA, transB, alpha }: OpAttrs["matmul"], shape: Shape): Value {
  const [m, n] = shape.slice(-2) as [number, number];
  const k = a!.shape.at(transA ? -2 : -1)!;
  return filled(shape, (i) => {
    const [batch, row, col] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
    let total = 0;
    for (let j = 0; j < k; j++) {
      const x = a!.data[batch * m * k + (transA ? j * m + row : row * k + j)]!;
      total += x * b!.data[batch * k * n + (transB ? col * k + j : j * n + col)]!;
    }
    return alpha * total + (c?.data[i] ?? 0);
  });
}

function dequantized([packed, scales]: readonly Value[], { bits }: OpAttrs["dequantize"], shape: Shape): Value {
  const inByte = 8 / bits;
  return filled(shape, (i) => {
    const byte = packed!.data[Math.floor(i / inByte)]!;
    const q = Math.floor(byte / 2 ** (bits * (i % inByte))) % 2 ** bits;
    return scales!.data[Math.floor(i / 32)]! * (q - 2 ** (bits - 1));
  });
}

function unpacked([packed, scales]: readonly Value[], { bits }: OpAttrs["unpack"], shape: Shape): Value {
  const [, width] = shape as [number, number];
  const half = width / 2;
  return filled(shape, (i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const byte = packed!.data[bits === 8 ? i : row * half + (column % half)]!;
    const q = bits === 8 ? byte : column < half ? byte & 15 : byte >> 4;
    return scales!.data[Math.floor(i / 32)]! * (q - 2 ** (bits - 1));
  });
}

function rope([x, cos, sin]: readonly Value[], { heads }: OpAttrs["rope"], shape: Shape): Value {
  const half = cos!.shape[1]!;
  const headDim = shape[1]! / heads;
  return filled(shape, (i) => {
    const within = i % headDim;
    if (within >= 2 * half) return x!.data[i]!;
    const angle = Math.floor(i / shape[1]!) * half + (within % half);
    const [partner, sign] = within < half ? [i + half, -1] : [i - half, 1];
    return x!.data[i]! * cos!.data[angle]! + sign * x!.data[partner]! * sin!.data[angle]!;
  });
}

/** Moves blocks between `whole` and a part of it that spans `start…` on `axis`. */
function eachOfPart(
  part: Shape,
  whole: Shape,
  axis: number,
  start: number,
  visit: (inPart: number, inWhole: number) => void,
): void {
  const inner = sizeOf(part.slice(axis + 1));
  for (let i = 0; i < sizeOf(part); i++) {
    const [outer, along, rest] = [
      Math.floor(i / (inner * part[axis]!)),
      Math.floor(i / inner) % part[axis]!,
      i % inner,
    ];
    visit(i, (outer * whole[axis]! + start + along) * inner + rest);
  }
}

const table: { [K in OpName]: Eval<K> } = {
  input: (_, { name }) => assert(false, `input "${name}" was not fed`) as never,
  constant: (_, { data, shape }) => ({ shape, data: Float64Array.from(data) }),
  add: binary((x, y) => x + y),
  sub: binary((x, y) => x - y),
  mul: binary((x, y) => x * y),
  div: binary((x, y) => x / y),
  neg: map((x) => -x),
  exp: map(Math.exp),
  log: map(Math.log),
  sqrt: map(Math.sqrt),
  sigmoid: map((x) => 1 / (1 + Math.exp(-x))),
  tanh: map(Math.tanh),
  silu: map((x) => x / (1 + Math.exp(-x))),
  geluTanh: map((x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2),
  matmul: product,
  gemm: product,
  dequantize: dequantized,
  matmulPacked: ([x, packed, scales], attrs, shape) => {
    const weights = dequantized([packed!, scales!], attrs, [shape[1]!, x!.shape[1]!]);
    return product([x!, weights], { transA: false, transB: true, alpha: 1 }, shape);
  },
  sum: reduce(0, (total, x) => total + x),
  sumSquares: reduce(0, (total, x) => total + x * x),
  max: reduce(-Infinity, Math.max),
  softmax: ([x]) => rowwise(x!, (row) => logSoftmaxRow(row).map(Math.exp)),
  logSoftmax: ([x]) => rowwise(x!, logSoftmaxRow),
  rmsNorm: ([x, weight], { epsilon }) =>
    rowwise(x!, (row) => {
      const scale = 1 / Math.sqrt(row.reduce((sum, v) => sum + v * v, 0) / row.length + epsilon);
      return row.map((v, i) => v * scale * weight!.data[i]!);
    }),
  rope,
  reshape: ([x], { shape }) => copy(x!, shape),
  transpose: ([x], { perm }, shape) => {
    const strides = stridesOf(x!.shape);
    const outer = stridesOf(shape);
    return filled(
      shape,
      (i) =>
        x!.data[perm.reduce((sum, axis, to) => sum + (Math.floor(i / outer[to]!) % shape[to]!) * strides[axis]!, 0)]!,
    );
  },
  concat: (inputs, { axis }, shape) => {
    const result = filled(shape, () => 0);
    let start = 0;
    for (const { shape: part, data } of inputs) {
      eachOfPart(part, shape, axis, start, (i, whole) => (result.data[whole] = data[i]!));
      start += part[axis]!;
    }
    return result;
  },
  slice: ([x], { axis, start }, shape) => {
    const result = filled(shape, () => 0);
    eachOfPart(shape, x!.shape, axis, start, (i, whole) => (result.data[i] = x!.data[whole]!));
    return result;
  },
  pad: ([x], { axis, start }, shape) => {
    const result = filled(shape, () => 0);
    eachOfPart(x!.shape, shape, axis, start, (i, whole) => (result.data[whole] = x!.data[i]!));
    return result;
  },
  expand: ([x], _, shape) => {
    const index = broadcastIndex(x!.shape, shape);
    return filled(shape, (i) => x!.data[index(i)]!);
  },
  gatherRows: ([rows, index], _, shape) =>
    filled(shape, (i) => rows!.data[index!.data[Math.floor(i / shape[1]!)]! * shape[1]! + (i % shape[1]!)]!),
  scatterRows: ([index, updates], _, shape) => {
    const result = filled(shape, () => 0);
    const width = shape[1]!;
    updates!.data.forEach((x, i) => {
      result.data[index!.data[Math.floor(i / width)]! * width + (i % width)]! += x;
    });
    return result;
  },
  pick: ([x, index], _, shape) => filled(shape, (row) => x!.data[row * x!.shape[1]! + index!.data[row]!]!),
  bump: ([x, index, updates], _, shape) => {
    const result = copy(x!, shape);
    index!.data.forEach((column, row) => {
      result.data[row * shape[1]! + column]! += updates!.data[row]!;
    });
    return result;
  },
  customVjp: ([x], _, shape) => copy(x!, shape),
  unpack: unpacked,
  after: ([x], _, shape) => copy(x!, shape),
};

/** Computes `outputs` from `feeds` (by input name). Throws `internal` when an input is missing or of the wrong size. */
export function interpret(outputs: readonly Tensor[], feeds: Record<string, ArrayLike<number>>): Value[] {
  const values = new Map<Tensor, Value>();
  for (const tensor of topologicalOrder(outputs)) values.set(tensor, evaluate(tensor, values, feeds));
  return outputs.map((tensor) => values.get(tensor)!);
}

function evaluate(tensor: Tensor, values: Map<Tensor, Value>, feeds: Record<string, ArrayLike<number>>): Value {
  const { op, shape } = tensor;
  const fed = op === "input" ? feeds[(tensor as Tensor<"input">).attrs.name] : undefined;
  if (fed !== undefined) {
    assert(fed.length === sizeOf(shape), `fed ${fed.length} values for shape [${shape}]`);
    return { shape, data: Float64Array.from(range(fed.length), (i) => fed[i]!) };
  }
  return (table[op] as Eval<OpName>)(
    tensor.inputs.map((x) => values.get(x)!),
    tensor.attrs,
    shape,
  );
}
