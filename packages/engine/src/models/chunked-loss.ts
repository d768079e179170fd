/** Cross-entropy of many rows a few at a time, so that the logits of all of them are never in memory together. */
import { pullback } from "../graph/grad.ts";
import { after, concat, constant, customVjp, mul, slice, type Tensor, topologicalOrder } from "../graph/tensor.ts";
import { crossEntropy } from "../nn.ts";
import { range } from "../util.ts";

/** Logits of so many bytes at most are computed at a time, unless a row has more. A few values of their size live beside them. */
export const defaultLogitsBytes = 2 ** 26;

export interface ChunkedLossOptions {
  /** hidden `[rows, hiddenSize]` → logits `[rows, vocabSize]`, each row by itself. */
  logitsOf(hidden: Tensor): Tensor;
  vocabSize: number;
  /** Default `defaultLogitsBytes`. */
  logitsBytes?: number;
  /** Parameters that the result may be differentiated by. */
  trained: readonly Tensor[];
  /** Whether it will be differentiated at all. */
  gradients: boolean;
}

/** What `crossEntropy` gives for the logits of `hidden` `[rows, hiddenSize]` and `targets` `[rows]` i32. */
export function chunkedCrossEntropy(hidden: Tensor, targets: Tensor, options: ChunkedLossOptions) {
  const { vocabSize, logitsBytes = defaultLogitsBytes } = options;
  const [rows] = hidden.shape as [number];
  const most = rowsWithin(logitsBytes, vocabSize);
  if (rows <= most) return wholeLoss(hidden, targets, options);
  const chunks = range(Math.ceil(rows / most)).map((i) => {
    const [start, end] = [i * most, Math.min(rows, (i + 1) * most)];
    return chunkLoss(slice(hidden, 0, start, end), slice(targets, 0, start, end), options);
  });
  const joined = (parts: Tensor[]) => concat(parts, 0);
  return { nll: joined(chunks.map(({ nll }) => nll)), margin: joined(chunks.map(({ margin }) => margin)) };
}

/** Where all rows are one chunk, a trained head's logits need not be computed twice. */
function wholeLoss(hidden: Tensor, targets: Tensor, options: ChunkedLossOptions) {
  const { logitsOf, trained, gradients } = options;
  const whole = crossEntropy(logitsOf(hidden), targets);
  const isTrained = trainedBehind(whole.nll, hidden, trained).length > 0;
  return gradients && isTrained ? whole : chunkLoss(hidden, targets, options);
}

function trainedBehind(y: Tensor, hidden: Tensor, trained: readonly Tensor[]): Tensor[] {
  const behind = new Set(topologicalOrder([y], [hidden]));
  return trained.filter((parameter) => behind.has(parameter));
}

/** Numbers of rows that matrix kernels like: multiples of 8. */
function rowsWithin(bytes: number, vocabSize: number): number {
  const rows = Math.max(1, Math.floor(bytes / (4 * vocabSize)));
  return rows < 8 ? rows : rows - (rows % 8);
}

/**
 * One chunk. Rows do not mix, so with a frozen head the gradient of hidden row i is g_i times what it is for g_i = 1, which is computed at
 * once, while the logits are there. A trained head's gradient does mix them: then the logits are computed again when g is known. Whatever
 * is computed from a chunk's logits waits for everything else that is, so that they can go before the next chunk's come.
 */
function chunkLoss(hidden: Tensor, targets: Tensor, { logitsOf, trained, gradients }: ChunkedLossOptions) {
  const loss = (from: Tensor) => crossEntropy(logitsOf(from), targets);
  const { nll, margin } = loss(hidden);
  const both = after(nll, margin);
  if (!gradients) return { nll: both, margin: after(margin, both) };
  const head = trainedBehind(nll, hidden, trained);
  if (head.length > 0) {
    const sources = [hidden, ...head];
    const again = (g: Tensor) => together(pullback(loss(after(hidden, g)).nll, g, sources));
    return { nll: customVjp(both, sources, again), margin: after(margin, both) };
  }
  const ones = constant(new Float32Array(nll.shape[0]!).fill(1), nll.shape);
  const slope = after(pullback(nll, ones, [hidden])[0]!, both);
  return { nll: customVjp(after(nll, slope), [hidden], (g) => [mul(slope, g)]), margin: after(margin, slope) };
}

/** None is used before all are there. */
function together(values: readonly Tensor[]): Tensor[] {
  const last = values.reduce((a, b) => after(b, a));
  return values.map((value) => (value === values.at(-1) ? last : after(value, last)));
}
