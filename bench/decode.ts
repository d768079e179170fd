/** Greedy decoding on a random model: one sequence or several at the same time, with exact or packed weights. */
import {
  createDecodeSession,
  type DecodeOptions,
  type Sequence,
} from "../packages/engine/src/decode/decode-session.ts";
import type { DecoderSpec } from "../packages/engine/src/models/spec.ts";
import { syntheticModel } from "../packages/engine/src/testing/synthetic.ts";
import { range } from "../packages/engine/src/util.ts";

const promptTokens = 64;
const answerTokens = 32;

/**
 * `run` decodes `tokens` tokens of `streams` sequences together. Their prompts were fed before, so that only decoding is measured.
 */
export async function createDecodeBench(
  spec: DecoderSpec,
  { streams = 1, weights = "f32" }: { streams?: number; weights?: DecodeOptions["weights"] } = {},
) {
  const decoding = createDecodeSession(syntheticModel(spec), { weights, prefixBytes: 0 });
  const prompted = range(streams).map(() => decoding.start());
  for (const [i, sequence] of prompted.entries()) await sequence.next(range(promptTokens).map((token) => token + i));
  const decode = async (sequence: Sequence) => {
    const answer = sequence.fork();
    for (let i = 0; i < answerTokens; i++) await answer.next([i]);
    answer.release();
  };
  const run = () => Promise.all(prompted.map(decode));
  return { run, tokens: streams * answerTokens, release: () => decoding.release() };
}
