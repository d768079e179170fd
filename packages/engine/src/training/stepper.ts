/** The two compiled graphs of a run: gradients of a window of micro-batches, and the quality on held-out rows. */
import type { PackedRow } from "../data/pack.ts";
import type { BatchShape } from "../models/objective.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { createSession, type Session, type SessionOptions } from "../onnx/session.ts";
import type { Tensors } from "../optim.ts";
import { constantWeights } from "./constant-weights.ts";
import { batchesInOrder } from "./micro-batch.ts";
import type { Objective, Quality } from "./objective.ts";
import type { Prefix } from "./prefix.ts";
import type { RunPlan } from "./run-plan.ts";
import { tokenObjective } from "./token-objective.ts";
import { frozenFeeds, type Trainables } from "./trainables.ts";

export interface WindowResult extends Quality {
  /** Of the window's mean loss, by parameter name. */
  grads: Tensors;
}

export interface Stepper {
  /**
   * One accumulation window: forward and backward over each micro-batch; one with more rows than the training shape in several
   * parts, with the same result. `step` counts from 1.
   */
  window(microBatches: readonly PackedRow[][], step: number): Promise<WindowResult>;
  /** Over all held-out rows; null when there are none. */
  evaluate(): Promise<Quality | null>;
  release(): Promise<void>;
}

export interface StepperOptions extends SessionOptions {
  /** Default: cross-entropy of supervised tokens. */
  objective?: Objective;
  /** What the blocks before `prefix.firstBlock` give. The stepper releases it. Default: every block is computed. */
  prefix?: Prefix | null;
}

type StepperPlan = Pick<RunPlan, "trainShape" | "evalShape" | "evalRows">;

export async function createStepper(
  spec: DecoderSpec,
  plan: StepperPlan,
  trained: Trainables,
  { objective = tokenObjective, prefix = null, ...options }: StepperOptions = {},
): Promise<Stepper> {
  const { evalRows } = plan;
  const firstBlock = prefix?.firstBlock ?? 0;
  const [trainShape, evalShape] = [plan.trainShape, plan.evalShape].map((shape) => ({ ...shape, firstBlock })) as [
    BatchShape,
    BatchShape,
  ];
  const constants = constantWeights(spec, trainShape, frozenFeeds(trained));
  const training = await createSession(objective.trainingGraph(spec, trainShape, trained.plan), {
    ...options,
    constants,
  });
  const evaluation =
    evalRows.length > 0 ? await createSession(objective.evaluationGraph(spec, evalShape, trained.plan), options) : null;

  const feedsOf = async (rows: readonly PackedRow[], shape: BatchShape, weight: number) => ({
    ...objective.feeds(spec, rows, shape, weight),
    ...(await prefix?.feeds(rows, shape)),
  });

  /** Over all held-out rows. */
  async function evaluateWith(session: Session): Promise<Quality> {
    const weight = objective.weightOf(evalRows);
    const tally = objective.createTally(weight);
    for (const rows of batchesInOrder(evalRows, evalShape.batch)) {
      const feeds = await feedsOf(rows, evalShape, weight);
      tally.add(await session.run({ ...trained.feeds, ...feeds }), feeds, rows);
    }
    return tally.quality();
  }

  return {
    async window(microBatches, step) {
      const weight = objective.weightOf(microBatches.flat());
      const tally = objective.createTally(weight);
      const grads: Tensors = new Map();
      const count = trainShape.batch * trainShape.length;
      for (const [i, rows] of microBatches.entries()) {
        for (const [part, partRows] of batchesInOrder(rows, trainShape.batch).entries()) {
          const feeds = await feedsOf(partRows, trainShape, weight);
          const dropout = trained.dropoutFeeds({ from: part * count, count }, step, i);
          const results = await training.run({ ...trained.feeds, ...dropout, ...feeds });
          tally.add(results, feeds, partRows);
          accumulate(grads, trained.parameters, results);
        }
      }
      return { ...tally.quality(), grads };
    },
    evaluate: async () => evaluation && evaluateWith(evaluation),
    async release() {
      await training.release();
      await evaluation?.release();
      await prefix?.release();
    },
  };
}

/** Adds the gradients of one micro-batch to the window's. The first one's arrays are taken over as they are. */
function accumulate(grads: Tensors, parameters: Tensors, results: Record<string, Float32Array>): void {
  for (const name of parameters.keys()) {
    const part = results[`grad.${name}`]!;
    const sum = grads.get(name);
    if (sum === undefined) grads.set(name, part);
    else for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!;
  }
}
