/**
 * The whole instruction set. Every table over operations (`infer.ts`, `interpret.ts`, `grad.ts`, `onnx/emit.ts`) is typed
 * `{ [K in OpName]: … }`, so a new operation does not compile until each of them knows it.
 */

/** `f32` holds every real number, `i32` every index, `u8` packed weights. */
export type DType = "f32" | "i32" | "u8";
export type Shape = readonly number[];
type None = Record<string, never>;

/** Attributes of each operation. Shapes in comments; `…` stands for any leading axes. */
export interface OpAttrs {
  /** A value fed at each run. */
  input: { name: string; shape: Shape; dtype: DType };
  /** A value fixed in the graph. */
  constant: { data: Float32Array | Int32Array | Uint8Array; shape: Shape };

  // Element by element, with NumPy broadcasting.
  add: None;
  sub: None;
  mul: None;
  div: None;
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  sigmoid: None;
  tanh: None;
  /** x · sigmoid(x). */
  silu: None;
  /** x · (1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2. */
  geluTanh: None;

  /** `alpha · op(a) op(b)`; `[…, m, k] × […, k, n] → […, m, n]`, leading axes equal; `op` transposes the last two axes. */
  matmul: { transA: boolean; transB: boolean; alpha: number };
  /** `op(a) op(b) + c` in two dimensions; `alpha` scales the product. Made by `rewrite.ts` only. */
  gemm: { transA: boolean; transB: boolean; alpha: number };

  /**
   * Packed weights, 32 to a block with one scale: `(packed u8 [n, k / 32, 4 · bits], scales [n, k / 32]) → [n, k]`. An element is
   * scale · (q − 2^(bits − 1)); of two 4-bit q in a byte the lower half comes first. Only as the transposed factor of a matmul.
   */
  dequantize: { bits: PackedBits };
  /**
   * `(x [m, k], packed, scales) → [m, n]`: x times the transposed weights that `dequantize` gives, with each row's blocks of x rounded to
   * 8 bits. Made by `rewrite.ts` only.
   */
  matmulPacked: { bits: PackedBits };
  /**
   * Packed weights, 32 to a block with one scale, as they lie in memory for training: `(packed u8 [n, k · bits / 8], scales [n, k / 32])
   * → [n, k]`. An element is scale · (q − 2^(bits − 1)); with 4 bits the lower halves of a row's bytes are its first k / 2 elements, the
   * upper halves the others.
   */
  unpack: { bits: PackedBits };
  /** `(x, y) → x`, not before y is there. No gradient flows to y. */
  after: None;

  /** Reductions over the given axes, which stay as axes of length 1. */
  sum: { axes: readonly number[] };
  sumSquares: { axes: readonly number[] };
  max: { axes: readonly number[] };

  /** Over the last axis. */
  softmax: None;
  logSoftmax: None;
  /** x · weight / sqrt(mean(x²) + epsilon) over the last axis; `(x, weight)`. */
  rmsNorm: { epsilon: number };
  /**
   * Rotary embedding, "rotate half" layout: x `[rows, heads · headDim]`, cos and sin `[rows, rotaryDim / 2]`.
   * Each head's first `rotaryDim` elements (x1, x2) become (x1·cos − x2·sin, x2·cos + x1·sin).
   */
  rope: { heads: number };

  reshape: { shape: Shape };
  transpose: { perm: readonly number[] };
  concat: { axis: number };
  slice: { axis: number; start: number; end: number };
  /** x with zeros before and after it: it begins at `start` of an axis that becomes `length` long. */
  pad: { axis: number; start: number; length: number };
  expand: { shape: Shape };

  /** `(table [n, d], index [m] i32) → [m, d]`. */
  gatherRows: None;
  /** `(index [m] i32, updates [m, d]) → [rows, d]`: rows with one index are added up. */
  scatterRows: { rows: number };
  /** `(x [m, n], index [m] i32) → [m, 1]`: one element of each row. */
  pick: None;
  /** `(x [m, n], index [m] i32, updates [m, 1]) → [m, n]`: x with one element of each row increased. */
  bump: None;

  /** The first input as it is; `vjp` gives the gradients of the others (see `customVjp` in `tensor.ts`). */
  customVjp: { vjp: Vjp };
}

export type PackedBits = 4 | 8;

export type OpName = keyof OpAttrs;

/** One value of a graph: what computes it, from what, and its shape. Immutable; shared freely. */
export interface Tensor<K extends OpName = OpName> {
  readonly op: K;
  readonly inputs: readonly Tensor[];
  readonly attrs: OpAttrs[K];
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Gradient of the loss for each input, from the gradient of the output; null where an input gets none. */
export type Vjp = (gradient: Tensor) => (Tensor | null)[];
