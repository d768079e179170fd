/** Whether an exported model computes what the trained one does. */
import { EngineError } from "../util.ts";

export interface ExportCheck {
  prompts: number;
  tokens: number;
  /** Root mean square of the difference between the exported model's logits and the trained one's. */
  error: number;
  /** The same between the trained model and the base: what training changed. */
  effect: number;
  /** Largest difference of one logit. */
  largestError: number;
}

export interface LogitsToCompare {
  base: Float32Array;
  trained: Float32Array;
  exported: Float32Array;
}

/** Another order of the same float32 sums, as a share of the logits themselves. */
const sumTolerance = 1e-4;
/** What rounding to 16 bits may cost, as a share of what training changed. */
const roundingTolerance = 0.25;

const rms = (values: Float32Array, other?: Float32Array) =>
  Math.sqrt(values.reduce((sum, value, i) => sum + (value - (other?.[i] ?? 0)) ** 2, 0) / values.length);

function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  // Written so that NaN is never the smaller one.
  for (const [i, value] of a.entries()) {
    const difference = Math.abs(value - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/**
 * Throws `internal` when exported weights that were not rounded compute something else, `not_supported` when rounding them to 16
 * bits lost too much of what was trained.
 */
export function compareLogits(
  { base, trained, exported }: LogitsToCompare,
  prompts: number[][],
  rounded: boolean,
): ExportCheck {
  const error = rms(exported, trained);
  const effect = rms(trained, base);
  const tokens = prompts.reduce((sum, { length }) => sum + length, 0);
  const check = { prompts: prompts.length, tokens, error, effect, largestError: largestDifference(exported, trained) };
  const allowed = Math.max(sumTolerance * rms(trained), rounded ? roundingTolerance * effect : 0);
  if (error <= allowed) return check;
  const found = `The exported model's logits are ${error.toPrecision(3)} (RMS) away from the trained model's`;
  if (rounded && Number.isFinite(error)) {
    throw new EngineError("not_supported", `${found}; training moved them by ${effect.toPrecision(3)} only.`, {
      param: "dtype",
      hint: "16 bits are too coarse for so small a change: export with dtype float32, or export the adapter alone (peft).",
    });
  }
  throw new EngineError("internal", `${found}; ${allowed.toPrecision(3)} can be rounding. Nothing was written.`, {
    hint: "Please report this with the base model's name and the adapter's configuration.",
  });
}
