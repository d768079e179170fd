/** Direct preference optimisation: rows come in pairs, the preferred reply first, and each pair counts the same. */

import { countSupervised } from "../data/example.ts";
import type { PackedRow } from "../data/pack.ts";
import type { BatchShape, LoraPlan } from "../models/objective.ts";
import { logProbGraph, preferenceTrainingGraph } from "../models/preference-objective.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { createSession, type Feeds, type SessionOptions } from "../onnx/session.ts";
import type { MicroBatchMetrics } from "../spec.ts";
import { assert, range } from "../util.ts";
import { batchesInOrder, microBatchFeeds } from "./micro-batch.ts";
import type { Objective, Tally } from "./objective.ts";
import { mostSupervised } from "./run-plan.ts";

/** Log-probability of each row's supervised tokens together, before training. */
export type Reference = ReadonlyMap<PackedRow, number>;

export function preferenceObjective(beta: number, reference: Reference): Objective {
  const referenceOf = (row: PackedRow) => reference.get(row)!;
  return {
    trainingGraph: (spec, shape, plan) => preferenceTrainingGraph(spec, shape, plan, beta),
    evaluationGraph: logProbGraph,
    weightOf: (rows) => rows.length / 2,
    feeds(spec, rows, shape, windowWeight) {
      const pairs = shape.batch / 2;
      const margins = new Float32Array(pairs);
      for (let i = 0; i < rows.length / 2; i++) margins[i] = referenceOf(rows[2 * i]!) - referenceOf(rows[2 * i + 1]!);
      const pairWeights = new Float32Array(pairs).fill(1 / windowWeight, 0, rows.length / 2);
      return { ...logProbFeeds(spec, rows, shape), reference: margins, pairWeights };
    },
    createTally: (pairs) => createTally(pairs, beta, referenceOf),
  };
}

function logProbFeeds(spec: DecoderSpec, rows: readonly PackedRow[], shape: BatchShape): Feeds {
  const sequences = new Int32Array(shape.supervised);
  let next = 0;
  for (const [i, row] of rows.entries()) {
    const end = next + countSupervised(row);
    sequences.fill(i, next, end);
    next = end;
  }
  return { ...microBatchFeeds(spec, rows, shape, 1), sequences };
}

/** log(1 + e^x), exact for any x. */
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function createTally(pairs: number, beta: number, referenceOf: (row: PackedRow) => number): Tally {
  let [loss, right, chosen, rejected] = [0, 0, 0, 0];
  const microBatches: MicroBatchMetrics[] = [];
  return {
    add({ logProbs }, _, rows) {
      const before = { loss, right };
      const gains = rows.map((row, i) => beta * (logProbs![i]! - referenceOf(row)));
      for (let i = 0; i < rows.length; i += 2) {
        const [winner, loser] = [gains[i]!, gains[i + 1]!];
        loss += softplus(loser - winner);
        if (winner > loser) right++;
        chosen += winner;
        rejected += loser;
      }
      const count = rows.length / 2;
      const tokens = rows.reduce((sum, row) => sum + countSupervised(row), 0);
      microBatches.push({ loss: (loss - before.loss) / count, accuracy: (right - before.right) / count, tokens });
    },
    quality: () => ({
      loss: loss / pairs,
      accuracy: right / pairs,
      rewards: { chosen: chosen / pairs, rejected: rejected / pairs, margin: (chosen - rejected) / pairs },
      microBatches,
    }),
  };
}

export interface ReferenceModel {
  spec: DecoderSpec;
  /** Null for the base model without an adapter. */
  plan: LoraPlan | null;
  /** The model's parameters, and with a plan the adapter's. */
  feeds: Feeds;
}

/** One pass over all rows, `shape.batch` at a time. The same rows and weights give the same numbers. */
export async function referenceLogProbs(
  { spec, plan, feeds }: ReferenceModel,
  rows: readonly PackedRow[],
  { batch, length }: Pick<BatchShape, "batch" | "length">,
  options: SessionOptions = {},
): Promise<Reference> {
  const batches = batchesInOrder(rows, batch);
  const shape = { batch, length, supervised: mostSupervised(batches) };
  const session = await createSession(logProbGraph(spec, shape, plan), options);
  const reference = new Map<PackedRow, number>();
  try {
    for (const batch of batches) {
      const { logProbs } = await session.run({ ...feeds, ...logProbFeeds(spec, batch, shape) });
      assert(logProbs !== undefined, "no log-probabilities");
      for (const i of range(batch.length)) reference.set(batch[i]!, logProbs[i]!);
    }
  } finally {
    await session.release();
  }
  return reference;
}
