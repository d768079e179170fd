/** Writes a graph as an ONNX model. Shapes are fixed but for open sizes; every `input` of the graph is an input of the model. */
import { create, toBinary } from "@bufbuild/protobuf";
import { isOpen, type Sizes } from "../graph/open-sizes.ts";
import type { OpAttrs, OpName, Shape, Tensor } from "../graph/ops.ts";
import { topologicalOrder } from "../graph/tensor.ts";
import { assert, range, sizeOf } from "../util.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./onnx_pb.js";

/** ONNX Runtime's own operators. */
const contrib = "com.microsoft";
const dataTypes = { f32: DataType.FLOAT, i32: DataType.INT32, u8: DataType.UINT8 };

const constantTypes = {
  Float32Array: DataType.FLOAT,
  Int32Array: DataType.INT32,
  Uint8Array: DataType.UINT8,
  BigInt64Array: DataType.INT64,
};

/** Inputs of the graph that are the same in every run, by name. */
export type Constants = Record<string, Float32Array | Int32Array | Uint8Array>;

type AttributeValue = number | { int: number } | readonly number[] | string;

/** Collects nodes and constants; each method returns the name of the value it adds. */
class Writer {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #open: Sizes;
  /** Where a run finds an open size: the input and the axis of that length. */
  readonly #axes = new Map<number, { input: string; axis: number }>();
  readonly #filled = new Map<string, string>();
  readonly #constants: Constants;
  #count = 0;

  constructor(order: readonly Tensor[], open: Sizes, constants: Constants) {
    this.#open = open;
    this.#constants = constants;
    for (const tensor of order) {
      if (tensor.op !== "input") continue;
      const { name, shape } = (tensor as Tensor<"input">).attrs;
      for (const [axis, size] of shape.entries()) if (this.isOpen(size)) this.#axes.set(size, { input: name, axis });
    }
  }

  isOpen(size: number): boolean {
    return isOpen(size, this.#open);
  }

  apply(opType: string, inputs: string[], attributes: Record<string, AttributeValue> = {}, domain = ""): string {
    return this.applyAll(1, opType, inputs, attributes, domain)[0]!;
  }

  /** The same of an operator with `count` results. */
  applyAll(
    count: number,
    opType: string,
    inputs: string[],
    attributes: Record<string, AttributeValue> = {},
    domain = "",
  ): string[] {
    const output = range(count).map(() => `v${this.#count++}`);
    const attribute = Object.entries(attributes).map(([key, value]) => toAttribute(key, value));
    this.nodes.push(create(NodeProtoSchema, { name: output[0], opType, domain, input: inputs, output, attribute }));
    return output;
  }

  constant(data: Float32Array | Int32Array | Uint8Array | BigInt64Array, dims: Shape): string {
    const name = `c${this.initializers.length}`;
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const dataType = constantTypes[data.constructor.name as keyof typeof constantTypes];
    this.initializers.push(create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), rawData }));
    return name;
  }

  /** An input of the model, or the constant that stands in its place. */
  input({ name, shape }: OpAttrs["input"]): string {
    const data = this.#constants[name];
    return data === undefined ? name : this.constant(data, shape);
  }

  /** The u8 tensor of one number everywhere; one for each number and shape. */
  filled(value: number, shape: Shape): string {
    const key = `${value} [${shape}]`;
    const found = this.#filled.get(key) ?? this.constant(new Uint8Array(sizeOf(shape)).fill(value), shape);
    this.#filled.set(key, found);
    return found;
  }

  /** `[n, m]` u8 → `[n, 2m]`: the lower halves of the bytes, then the upper ones. */
  halves(packed: string): string {
    const lower = this.apply("BitwiseAnd", [packed, this.filled(15, [1])]);
    const upper = this.apply("BitShift", [packed, this.filled(4, [1])], { direction: "RIGHT" });
    return this.apply("Concat", [lower, upper], { axis: int(1) });
  }

  /** Shapes, axes and positions: one-dimensional int64. */
  ints(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** `[n]` → `[n, 1]`. */
  column(x: string): string {
    return this.apply("Reshape", [x, this.ints([-1, 1])]);
  }

  /** `from` is the shape that x has. */
  reshape(x: string, shape: Shape, from: Shape): string {
    return this.apply("Reshape", [
      x,
      shape.some((size) => this.isOpen(size)) ? this.#openShape(shape, from) : this.ints(shape),
    ]);
  }

  /** Of the open axes, those that x has at the same place are copied (0), the next follows from the others (-1), the rest are looked up. */
  #openShape(shape: Shape, from: Shape): string {
    const copied = shape.map((size, axis) => (this.isOpen(size) && from[axis] === size ? 0 : size));
    const inferred = copied.findIndex((size) => this.isOpen(size));
    const sizes = copied.map((size, axis) => (axis === inferred ? -1 : size));
    if (!sizes.some((size) => this.isOpen(size))) return this.ints(sizes);
    const parts = sizes.map((size) => (this.isOpen(size) ? this.#sizeAtRun(size) : this.ints([size])));
    return this.apply("Concat", parts, { axis: int(0) });
  }

  #sizeAtRun(size: number): string {
    const found = this.#axes.get(size);
    assert(found !== undefined, `no input has an axis of the open size ${size}`);
    return this.apply("Shape", [found.input], { start: int(found.axis), end: int(found.axis + 1) });
  }
}

function toAttribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number") return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value });
  if (typeof value === "string") {
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  }
  if ("int" in value) return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value.int) });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

const int = (value: number | boolean) => ({ int: Number(value) });

type Emit<K extends OpName> = (w: Writer, inputs: string[], attrs: OpAttrs[K], tensor: Tensor) => string;

const direct =
  (opType: string): Emit<OpName> =>
  (w, inputs) =>
    w.apply(opType, inputs);
const reduction =
  (opType: string): Emit<"sum" | "sumSquares" | "max"> =>
  (w, [x], { axes }) =>
    w.apply(opType, [x!, w.ints(axes)], { keepdims: int(1) });
const lastAxis =
  (opType: string): Emit<OpName> =>
  (w, inputs) =>
    w.apply(opType, inputs, { axis: int(-1) });

const table: { [K in OpName]: Emit<K> } = {
  input: (w, _, attrs) => w.input(attrs),
  constant: (w, _, { data, shape }) => w.constant(data, shape),
  add: direct("Add"),
  sub: direct("Sub"),
  mul: direct("Mul"),
  div: direct("Div"),
  neg: direct("Neg"),
  exp: direct("Exp"),
  log: direct("Log"),
  sqrt: direct("Sqrt"),
  sigmoid: direct("Sigmoid"),
  tanh: direct("Tanh"),
  silu: (w, inputs) => w.apply("QuickGelu", inputs, { alpha: 1 }, contrib),
  // Three times as fast as ONNX's own Gelu.
  geluTanh: (w, inputs) => w.apply("FastGelu", inputs, {}, contrib),
  matmul: (w, inputs, { transA, transB, alpha }, { shape }) =>
    shape.length === 2
      ? w.apply("Gemm", inputs, { transA: int(transA), transB: int(transB), alpha })
      : w.apply("FusedMatMul", inputs, { transA: int(transA), transB: int(transB), alpha }, contrib),
  gemm: (w, inputs, { transA, transB, alpha }) =>
    w.apply("Gemm", inputs, { transA: int(transA), transB: int(transB), alpha }),
  dequantize: () => assert(false, "packed weights outside of a product") as never,
  // Accuracy level 4 rounds each block of x to 8 bits: the fast kernels, see docs/decisions/0006-decode-weights.md.
  matmulPacked: (w, inputs, { bits }, tensor) => {
    const [K, N] = [tensor.inputs[0]!.shape[1]!, tensor.shape[1]!];
    const sizes = { K: int(K), N: int(N), bits: int(bits), block_size: int(32), accuracy_level: int(4) };
    return w.apply("MatMulNBits", inputs, sizes, contrib);
  },
  unpack: (w, [packed, scales], { bits }, { inputs }) => {
    const blocks = w.filled(2 ** (bits - 1), inputs[1]!.shape);
    const whole = bits === 8 ? packed! : w.halves(packed!);
    return w.apply("DequantizeLinear", [whole, scales!, blocks], { axis: int(1), block_size: int(32) });
  },
  // x · 1, where the 1 comes from an element of y: exact for every x, and nothing that could be computed beforehand.
  after: (w, [x, y]) => {
    const first = w.apply("Slice", [w.apply("Reshape", [y!, w.ints([-1])]), w.ints([0]), w.ints([1]), w.ints([0])]);
    const one = w.constant(new Float32Array([1]), [1]);
    const scalar = w.apply("Reshape", [w.apply("Where", [w.apply("IsNaN", [first]), one, one]), w.ints([])]);
    return w.apply("Mul", [x!, scalar]);
  },
  sum: reduction("ReduceSum"),
  sumSquares: reduction("ReduceSumSquare"),
  max: reduction("ReduceMax"),
  softmax: lastAxis("Softmax"),
  logSoftmax: lastAxis("LogSoftmax"),
  rmsNorm: (w, inputs, { epsilon }) =>
    w.apply("SimplifiedLayerNormalization", inputs, { axis: int(-1), epsilon, stash_type: int(1) }),
  rope: (w, [x, cos, sin], { heads }, { shape, inputs }) => {
    const [rows, width] = shape as [number, number];
    const rotaryDim = 2 * inputs[1]!.shape[1]!;
    const rotary_embedding_dim = int(rotaryDim < width / heads ? rotaryDim : 0);
    // One number is the first row's position, from which the others count on.
    const positions = w.isOpen(rows) ? w.ints([0]) : w.constant(BigInt64Array.from(range(rows), BigInt), [1, rows]);
    const rotated = w.apply(
      "RotaryEmbedding",
      [w.reshape(x!, [1, rows, width], shape), positions, cos!, sin!],
      { num_heads: int(heads), rotary_embedding_dim },
      contrib,
    );
    return w.reshape(rotated, shape, [1, rows, width]);
  },
  reshape: (w, [x], { shape }, { inputs }) => w.reshape(x!, shape, inputs[0]!.shape),
  transpose: (w, inputs, { perm }) => w.apply("Transpose", inputs, { perm }),
  concat: (w, inputs, { axis }) => w.apply("Concat", inputs, { axis: int(axis) }),
  slice: (w, [x], { axis, start, end }) => w.apply("Slice", [x!, w.ints([start]), w.ints([end]), w.ints([axis])]),
  pad: (w, [x], { axis, start, length }, { shape, inputs }) => {
    const after = length - start - inputs[0]!.shape[axis]!;
    const ends = (size: number) => shape.map((_, i) => (i === axis ? size : 0));
    return w.apply("Pad", [x!, w.ints([...ends(start), ...ends(after)])]);
  },
  expand: (w, [x], { shape }) => w.apply("Expand", [x!, w.ints(shape)]),
  gatherRows: (w, inputs) => w.apply("Gather", inputs, { axis: int(0) }),
  scatterRows: (w, [index, updates], { rows }, { shape }) => {
    const zeros = w.apply("ConstantOfShape", [w.ints([rows, shape[1]!])]);
    const indices = w.apply("Cast", [w.column(index!)], { to: int(DataType.INT64) });
    return w.apply("ScatterND", [zeros, indices, updates!], { reduction: "add" });
  },
  pick: (w, [x, index]) => w.apply("GatherElements", [x!, w.column(index!)], { axis: int(1) }),
  bump: (w, [x, index, updates]) =>
    w.apply("ScatterElements", [x!, w.column(index!), updates!], { axis: int(1), reduction: "add" }),
  customVjp: (_, [value]) => value!,
};

export const inputsOf = (order: readonly Tensor[]): Tensor<"input">[] =>
  order.filter((x): x is Tensor<"input"> => x.op === "input");

function valueInfo(name: string, { shape, dtype }: Pick<Tensor, "shape" | "dtype">, open: Sizes): ValueInfoProto {
  const dim = shape.map((n) => ({
    value: isOpen(n, open)
      ? { case: "dimParam" as const, value: `size${n}` }
      : { case: "dimValue" as const, value: BigInt(n) },
  }));
  const type = { value: { case: "tensorType" as const, value: { elemType: dataTypes[dtype], shape: { dim } } } };
  return create(ValueInfoProtoSchema, { name, type });
}

type Slice = Tensor<"slice">;

/**
 * Slices that lie side by side and together are all of something, by each of them: one Split. ONNX Runtime would make it by itself, but
 * then computes it at another time than where it stands here.
 */
function splitsOf(order: readonly Tensor[]): Map<Tensor, Slice[]> {
  const slices = order.filter((x): x is Slice => x.op === "slice");
  const groups = Map.groupBy(slices, ({ inputs }) => inputs[0]!);
  const splits = [...groups].filter(([whole, parts]) => tiles(whole, parts)).map(([, parts]) => parts);
  return new Map(splits.flatMap((parts) => parts.map((part) => [part, parts])));
}

/** Whether the parts are the whole, in order after this call. */
function tiles({ shape }: Tensor, parts: Slice[]): boolean {
  const { axis } = parts[0]!.attrs;
  parts.sort((a, b) => a.attrs.start - b.attrs.start);
  const starts = [...parts.map(({ attrs }) => attrs.start), shape[axis]!];
  return (
    parts.length > 1 &&
    starts[0] === 0 &&
    parts.every(({ attrs }, i) => attrs.axis === axis && attrs.end === starts[i + 1])
  );
}

function split(w: Writer, whole: string, parts: readonly Slice[]): string[] {
  const sizes = parts.map(({ attrs }) => attrs.end - attrs.start);
  return w.applyAll(parts.length, "Split", [whole, w.ints(sizes)], { axis: int(parts[0]!.attrs.axis) });
}

/** Writes what computes each tensor, and tells the names of their values. */
function writeNodes(w: Writer, order: readonly Tensor[]): Map<Tensor, string> {
  const names = new Map<Tensor, string>();
  const splits = splitsOf(order);
  for (const tensor of order) {
    if (names.has(tensor)) continue;
    const inputs = tensor.inputs.map((x) => names.get(x)!);
    const parts = splits.get(tensor);
    if (parts === undefined) names.set(tensor, (table[tensor.op] as Emit<OpName>)(w, inputs, tensor.attrs, tensor));
    else for (const [i, name] of split(w, inputs[0]!, parts).entries()) names.set(parts[i]!, name);
  }
  return names;
}

/**
 * The model's bytes. `outputs` maps the names that the model's results get to the tensors that compute them; `open` holds the
 * stand-ins of sizes that differ from run to run; inputs among the `constants` are none of the model's.
 */
export function emitOnnx(outputs: Record<string, Tensor>, open: Sizes = {}, constants: Constants = {}): Uint8Array {
  const order = topologicalOrder(Object.values(outputs));
  const w = new Writer(order, open, constants);
  const names = writeNodes(w, order);
  // An output may be an input of the graph, or have two names: Identity gives each a value of its own.
  for (const [name, tensor] of Object.entries(outputs)) {
    w.nodes.push(create(NodeProtoSchema, { name, opType: "Identity", input: [names.get(tensor)!], output: [name] }));
  }
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    producerName: "midrun",
    opsetImport: [
      { domain: "", version: 21n },
      { domain: contrib, version: 1n },
    ],
    graph: {
      name: "midrun",
      node: w.nodes,
      initializer: w.initializers,
      input: inputsOf(order)
        .filter(({ attrs }) => !Object.hasOwn(constants, attrs.name))
        .map((x) => valueInfo(x.attrs.name, x, open)),
      output: Object.entries(outputs).map(([name, tensor]) => valueInfo(name, tensor, open)),
    },
  });
  return toBinary(ModelProtoSchema, model);
}
