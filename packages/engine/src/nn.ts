/** Layers: functions over tensors. Rows are tokens: an activation is `[rows, features]`, rows = batch · length. */
import {
  add,
  bump,
  concat,
  customVjp,
  exp,
  expand,
  geluTanh,
  logSoftmax,
  matmul,
  max,
  mul,
  neg,
  pick,
  reshape,
  rmsNorm,
  sigmoid,
  silu,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
} from "./graph/tensor.ts";
import { assert, range, sizeOf } from "./util.ts";

/** `scale · (x Wᵀ + bias)`: x `[rows, in]`, weight `[out, in]` → `[rows, out]`. */
export function linear(x: Tensor, weight: Tensor, { bias, scale = 1 }: { bias?: Tensor; scale?: number } = {}): Tensor {
  const y = matmul(x, weight, { transB: true, alpha: scale });
  return bias === undefined ? y : add(y, scale === 1 ? bias : mul(bias, scale));
}

/**
 * A low-rank update: `a` `[r, in]`, `b` `[out, r]`; `dropout` `[rows, in]` multiplies the adapter's input, `gate` `[rows, r]` what
 * `a` makes of it.
 */
export interface Lora {
  a: Tensor;
  b: Tensor;
  scale: number;
  dropout?: Tensor;
  gate?: Tensor;
}

/** `scale · (x Aᵀ) Bᵀ`, the small product first (Hu et al. 2021, eq. 3). */
export function loraDelta(x: Tensor, { a, b, scale, dropout, gate }: Lora): Tensor {
  const seen = dropout === undefined ? x : mul(x, dropout);
  const small = matmul(seen, a, { transB: true, alpha: scale });
  return matmul(gate === undefined ? small : mul(small, gate), b, { transB: true });
}

/**
 * A linear layer with its adapter. With many rows W + scale·BA is computed once for all of them, which is less work than two more
 * products as wide as the activations; with few, under dropout or behind a gate, the adapter stays apart. Both are the same function; gradients of A
 * and B never go through a gradient of W: dA = scale·(gB)ᵀx, dB = scale·gᵀ(xAᵀ).
 */
export function loraLinear(
  x: Tensor,
  weight: Tensor,
  lora: Lora,
  options: { bias?: Tensor; scale?: number } = {},
): Tensor {
  const { scale = 1 } = options;
  const full = { ...lora, scale: lora.scale * scale };
  const apart = lora.dropout !== undefined || lora.gate !== undefined || !mergingPays(x, weight);
  if (apart) return add(linear(x, weight, options), loraDelta(x, full));
  const merged = add(weight, matmul(lora.b, lora.a, { alpha: lora.scale }));
  return customVjp(linear(x, merged, options), [x, lora.a, lora.b], (g) => [
    matmul(g, merged, { alpha: scale }),
    matmul(matmul(g, lora.b, { alpha: full.scale }), x, { transA: true }),
    matmul(g, matmul(x, lora.a, { transB: true, alpha: full.scale }), { transA: true }),
  ]);
}

/** Elements written by the merge against those written by an adapter of its own, forward and backward. */
function mergingPays(x: Tensor, weight: Tensor): boolean {
  const [outFeatures, inFeatures] = weight.shape as [number, number];
  return x.shape[0]! * (inFeatures + outFeatures) > inFeatures * outFeatures;
}

/** Root-mean-square norm of each head's slice: x `[rows, heads · headDim]`, weight `[headDim]`. */
export function headNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  const headDim = weight.shape[0]!;
  const [rows, width] = x.shape as [number, number];
  return reshape(rmsNorm(reshape(x, [(rows * width) / headDim, headDim]), weight, epsilon), [rows, width]);
}

/**
 * `silu(gate) · up` (Shazeer 2020). With σ = sigmoid(gate), s = gate·σ and g = d(result):
 * d(up) = g·s and d(gate) = g·up·(σ + s − s·σ).
 */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  const s = silu(gate);
  return customVjp(mul(s, up), [gate, up], (g) => {
    const sigma = sigmoid(gate);
    const slope = sub(add(sigma, s), mul(s, sigma));
    return [mul(mul(g, up), slope), mul(g, s)];
  });
}

/** `geluTanh(gate) · up`. */
export function geglu(gate: Tensor, up: Tensor): Tensor {
  return mul(geluTanh(gate), up);
}

/** `cap · tanh(x)`, which is between -cap and cap, for an x that was divided by cap. */
export function softCap(x: Tensor, cap: number): Tensor {
  const t = tanh(x);
  const value = mul(t, cap);
  return customVjp(value, [x], (g) => [mul(g, sub(cap, mul(value, t)))]);
}

export interface AttentionShape {
  batch: number;
  /** Tokens of each sequence in this pass. */
  length: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Factor of q·k. Usually 1 / sqrt(headDim). */
  scale: number;
  /** Scores x become cap·tanh(x / cap). */
  softCap?: number | null;
  /**
   * Only in a pass that nothing comes before: queries are taken so many at a time, each time with the keys up to the last of them. Nobody
   * sees later keys, so that up to half of the scores need not be computed. Default: all together.
   */
  queryBlock?: number;
}

/** Keys and values of some tokens, `[batch, kvHeads, tokens, headDim]`. */
export interface KeysValues {
  keys: Tensor;
  values: Tensor;
}

/** k and v `[rows, kvHeads · headDim]` by sequence and head. */
export function keysValues(k: Tensor, v: Tensor, { batch, length, kvHeads, headDim }: AttentionShape): KeysValues {
  const perHead = (x: Tensor) => transpose(reshape(x, [batch, length, kvHeads, headDim]), [0, 2, 1, 3]);
  return { keys: perHead(k), values: perHead(v) };
}

/** Those of earlier tokens, then this pass's. */
export function withPast(past: KeysValues, own: KeysValues): KeysValues {
  return { keys: concat([past.keys, own.keys], 2), values: concat([past.values, own.values], 2) };
}

/**
 * Grouped-query attention of q `[rows, heads · headDim]` to `seen`. The mask `[batch, 1, 1, length, tokens seen]` is added to the
 * scores (0 = visible, very negative = hidden). Gives `[rows, heads · headDim]`.
 */
export function attention(q: Tensor, seen: KeysValues, mask: Tensor, shape: AttentionShape): Tensor {
  const { batch, length, heads, kvHeads, headDim, queryBlock = length } = shape;
  const groups = heads / kvHeads;
  assert(Number.isInteger(groups), `${heads} heads do not share ${kvHeads} key/value heads evenly`);
  const byHead = reshape(q, [batch, length, kvHeads, groups, headDim]);
  if (queryBlock >= length) return reshape(attentionOf(byHead, seen, mask, shape), [batch * length, heads * headDim]);
  const blocks = range(Math.ceil(length / queryBlock)).map((block) => {
    const start = block * queryBlock;
    const end = Math.min(start + queryBlock, length);
    const visible = { keys: slice(seen.keys, 2, 0, end), values: slice(seen.values, 2, 0, end) };
    return attentionOf(slice(byHead, 1, start, end), visible, slice(slice(mask, 3, start, end), 4, 0, end), shape);
  });
  return reshape(concat(blocks, 1), [batch * length, heads * headDim]);
}

/** q and the result `[batch, queries, kvHeads, groups, headDim]`. */
function attentionOf(q: Tensor, seen: KeysValues, mask: Tensor, shape: AttentionShape): Tensor {
  const [batch, length, kvHeads, groups, headDim] = q.shape as [number, number, number, number, number];
  const queries = reshape(transpose(q, [0, 2, 3, 1, 4]), [batch, kvHeads, groups * length, headDim]);
  const mixed = attend(queries, seen, mask, shape);
  return transpose(reshape(mixed, [batch, kvHeads, groups, length, headDim]), [0, 3, 1, 2, 4]);
}

/** A mask of every head's scores where that is small: adding equal shapes is several times faster than broadcasting in the middle. */
function spread(mask: Tensor, shape: readonly number[]): Tensor {
  return mask.shape[3]! > 1 && sizeOf(shape) <= spreadLimit ? expand(mask, shape) : mask;
}
const spreadLimit = 2 ** 24;

/**
 * softmax(scale·QKᵀ + mask)·V, Q `[batch, kvHeads, groups · length, headDim]`. In the gradient the row sums Σ dP·P are taken as
 * Σ dO·O, which are the same numbers over headDim instead of all keys (Dao et al. 2022, appendix B.2). With a cap, QKᵀ goes
 * through cap·tanh(·/cap), whose slope is 1 − tanh².
 */
function attend(queries: Tensor, { keys, values }: KeysValues, mask: Tensor, { scale, softCap: cap }: AttentionShape) {
  const bent = cap == null ? null : tanh(matmul(queries, keys, { transB: true, alpha: scale / cap }));
  const scores = bent === null ? matmul(queries, keys, { transB: true, alpha: scale }) : mul(bent, cap!);
  const [length, seen] = mask.shape.slice(-2) as [number, number];
  const [batch, kvHeads, rows] = scores.shape as [number, number, number];
  const grouped = [batch, kvHeads, rows / length, length, seen];
  const probabilities = reshape(softmax(add(reshape(scores, grouped), spread(mask, grouped))), scores.shape);
  const output = matmul(probabilities, values);
  return customVjp(output, [queries, keys, values], (g) => {
    const pull = sum(mul(g, output), [-1]);
    const dBent = mul(probabilities, sub(matmul(g, values, { transB: true }), pull));
    const dScores = bent === null ? dBent : mul(dBent, sub(1, mul(bent, bent)));
    return [
      matmul(dScores, keys, { alpha: scale }),
      matmul(dScores, queries, { transA: true, alpha: scale }),
      matmul(probabilities, g, { transA: true }),
    ];
  });
}

/**
 * Cross-entropy of each row, natural log: logits `[rows, vocabulary]`, targets `[rows]` i32. `nll` is `[rows, 1]`; `margin` is the
 * target's logit minus the largest one, so that 0 means "argmax is right". d(logits) = d(nll)·(softmax − onehot).
 */
export function crossEntropy(logits: Tensor, targets: Tensor): { nll: Tensor; margin: Tensor } {
  const logProbs = logSoftmax(logits);
  const picked = pick(logProbs, targets);
  const nll = customVjp(neg(picked), [logits], (g) => [bump(mul(exp(logProbs), g), targets, neg(g))]);
  return { nll, margin: sub(picked, max(logProbs, [-1])) };
}

/** Σ over all elements, a scalar. */
export function total(x: Tensor): Tensor {
  return reshape(
    sum(
      x,
      x.shape.map((_, axis) => axis),
    ),
    [],
  );
}
