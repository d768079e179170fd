/** Base weights that a training session keeps in the layout of its products, see docs/decisions/0013-constant-weights.md. */
import type { BatchShape } from "../models/objective.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { Feeds } from "../onnx/session.ts";

/** Tokens of a micro-batch. With more, arranging a weight anew costs little beside the product. */
const fewRows = 256;
/** Bytes of weights. The session holds them twice, for the products forward and backward. */
const mostBytes = 128 * 2 ** 20;

/**
 * Those of the `frozen` weights that are better copied into the session than fed: all of a small model's where steps are small and memory did not
 * run out, otherwise none. A function of what a resumed run has, too: products of both kinds may differ in their last bits.
 */
export function constantWeights(
  { weightBits }: DecoderSpec,
  { batch, length, split = false }: BatchShape,
  frozen: Feeds,
): Feeds {
  const pays = weightBits === undefined && !split && batch * length <= fewRows && bytesOf(frozen) <= mostBytes;
  return pays ? frozen : {};
}

/** What they take besides the model itself. */
export const constantBytes = (constants: Feeds): number => 2 * bytesOf(constants);

const bytesOf = (feeds: Feeds) => Object.values(feeds).reduce((sum, { byteLength }) => sum + byteLength, 0);
