/** Support tickets → `{category, urgency, summary, nextAction}`: what a user's trainer file looks like. */
import { fileURLToPath } from "node:url";
import { createMidrun, createTrainer } from "midrun";
import { checkHeldOut, type HeldOutResult } from "../../held-out.ts";

const stop = new AbortController();

export interface CheckedCheckpoint extends HeldOutResult {
  step: number;
  evalLoss: number | null;
}

/** What each checkpoint knew, oldest first. */
export const checkpoints: CheckedCheckpoint[] = [];

export const trainer = createTrainer({
  name: "triage",
  model: "midrun/nano",
  dataset: { type: "file", path: fileURLToPath(new URL("../../data/train.jsonl", import.meta.url)) },
  datasetSplit: { enabled: true, testSize: 0.1 },
  lora: { r: 32, alpha: 64, maxLength: 512 },
  numTrainEpochs: 12,
  batchSize: 2,
  packing: true,
  learningRate: 7e-3,
  lrSchedulerType: "cosine",
  warmupSteps: 5,
  saveSteps: { ratio: 0.25 },
  evalSteps: { ratio: 0.25 },
  seed: 7,
  abortSignal: stop.signal,
  callbacks: {
    // The checkpoint that was just saved answers, while training goes on.
    onCheckpoint: async ({ step, infer, metrics }) => {
      const result = await checkHeldOut(infer);
      checkpoints.push({ step, evalLoss: metrics.evalLoss, ...result });
      tellChecked(checkpoints.at(-1)!);
      if (isGettingWorse()) {
        await trainer.cancel();
        stop.abort(new Error(`Held-out accuracy fell to ${result.accuracy} at step ${step}: stopped early.`));
      }
    },
  },
});

/** Two checkpoints in a row, each clearly below the best. */
function isGettingWorse(): boolean {
  const best = Math.max(...checkpoints.map(({ accuracy }) => accuracy));
  return checkpoints.length > 2 && checkpoints.slice(-2).every(({ accuracy }) => accuracy < best - 0.2);
}

let tellChecked: (checkpoint: CheckedCheckpoint) => void = ({ step, accuracy, sample }) =>
  console.log(`step ${step}: ${(accuracy * 100).toFixed(0)} % right, for example ${sample.answer}`);

/** Replaces how a checked checkpoint is told of. */
export function onChecked(tell: typeof tellChecked): void {
  tellChecked = tell;
}

export const midrun = createMidrun({ trainer });
