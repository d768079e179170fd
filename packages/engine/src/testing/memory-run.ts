/**
 * A process that trains a synthetic model for two steps: `node memory-run.ts <MeasuredSetting as JSON>`. Prints the bytes by which its
 * resident memory grew, at most, while it trained, and what was estimated for that.
 */
import type { LoraPlan } from "../models/objective.ts";
import { adamw } from "../optim.ts";
import { type EstimatedRun, estimateRun } from "../training/estimate.ts";
import { createStepper } from "../training/stepper.ts";
import { countParameters, initialTrainables } from "../training/trainables.ts";
import { range } from "../util.ts";
import { syntheticModel, syntheticRow, syntheticSpec } from "./synthetic.ts";

export interface MeasuredSetting {
  weightBits?: 4 | 8;
  recompute?: boolean;
}

const setting: MeasuredSetting = JSON.parse(process.argv[2]!);
const { recompute, ...held } = setting;
const sizes = { hiddenSize: 256, heads: 4, kvHeads: 2, headDim: 64, intermediateSize: 768, layers: 6, vocabSize: 2048 };
const spec = syntheticSpec(sizes, held);
const model = syntheticModel(spec);
const trained = initialTrainables(model, { lora: { r: 8, alpha: 8 }, modelName: "m", seed: 1 });
const [batch, length] = [16, 128];
const rows = range(batch).map((i) => syntheticRow(spec, length, 0.5, i));
const shape = { batch, length, supervised: (batch * length) / 2, ...(recompute === undefined ? {} : { recompute }) };
const plan = { trainShape: shape, evalShape: shape, evalRows: [] };
const run = { ...plan, rows, lora: trained.plan as LoraPlan, trainableParameters: countParameters(trained) };
const { memory } = estimateRun({ gradientAccumulationSteps: 1 }, model, run as unknown as EstimatedRun);

globalThis.gc?.();
const before = process.memoryUsage.rss();
const stepper = await createStepper(spec, plan, trained, { threads: 1 });
const optimizer = adamw({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
const state = optimizer.init(trained.parameters);
for (const step of [1, 2]) {
  const { grads } = await stepper.window([rows], step);
  optimizer.update(trained.parameters, grads, state, { learningRate: 1e-4 });
}
await stepper.release();
const grown = process.resourceUsage().maxRSS * 1024 - before;
process.stdout.write(JSON.stringify({ grown, estimated: memory.activations + memory.optimizer }));
