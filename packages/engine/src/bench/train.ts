/** LoRA training steps, forward to optimizer, on a random model. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trainingFlopsPerToken } from "../models/flops.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { adamw } from "../optim.ts";
import { syntheticModel, syntheticRow } from "../testing/synthetic.ts";
import { createPrefix, firstBlockOf } from "../training/prefix.ts";
import { createStepper } from "../training/stepper.ts";
import { initialTrainables, type TrainableModel } from "../training/trainables.ts";
import { range } from "../util.ts";

export interface TrainBenchOptions {
  spec: DecoderSpec;
  batch: number;
  length: number;
  supervisedShare: number;
  r: number;
  /** Adapters on the last so many layers; what the others give is kept from one epoch to the next. Default: all. */
  layers?: number;
  /** A model of this `spec`. Default: a synthetic one. */
  model?: TrainableModel;
  /** See `BatchShape`. */
  recompute?: boolean;
}

/**
 * `run` does `steps` optimizer steps of `batch · length` tokens each; every step is an epoch of the same rows. `tokens` and `flops` (by the
 * usual count, `models/flops.ts`) are those of one run.
 */
export async function createTrainBench(
  { spec, batch, length, supervisedShare, r, layers, recompute, model = syntheticModel(spec) }: TrainBenchOptions,
  atLeastFlops = 0,
) {
  const lora = { r, alpha: r, ...(layers === undefined ? {} : { layers }) };
  const trained = initialTrainables(model, { lora, modelName: "synthetic", seed: 1 });
  const rows = range(batch).map((i) => syntheticRow(spec, length, supervisedShare, i));
  const shape = { batch, length, supervised: Math.ceil(batch * length * supervisedShare), recompute };
  const firstBlock = firstBlockOf(spec, trained.plan, { totalSteps: 2, stepsPerEpoch: 1 });
  const store = { memoryBytes: 1e9, diskBytes: 0, path: join(tmpdir(), "unused") };
  const prefix =
    firstBlock === 0 ? null : await createPrefix(spec, { length, firstBlock, weights: model.weights }, { store });
  const stepper = await createStepper(spec, { trainShape: shape, evalShape: shape, evalRows: [] }, trained, { prefix });
  const optimizer = adamw({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
  const state = optimizer.init(trained.parameters);
  const loraParameters = [...trained.parameters.values()].reduce((sum, { length }) => sum + length, 0);
  const stepFlops = batch * length * trainingFlopsPerToken(spec, { loraParameters, supervisedShare, length });
  const steps = Math.max(1, Math.round(atLeastFlops / stepFlops));
  let step = 0;
  const oneStep = async () => {
    const { grads } = await stepper.window([rows], ++step);
    optimizer.update(trained.parameters, grads, state, { learningRate: 1e-4 });
  };
  const run = async () => {
    for (let i = 0; i < steps; i++) await oneStep();
  };
  return { run, tokens: steps * batch * length, flops: steps * stepFlops, release: () => stepper.release() };
}
