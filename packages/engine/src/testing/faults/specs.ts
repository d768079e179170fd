/** The kinds of run that campaigns disturb: everything that has a state of its own to lose. */

import type { TrainSpec } from "../../spec.ts";
import { range } from "../../util.ts";
import { tinyChats, tinySpec } from "../tiny-run.ts";

const answers = ["yes", "no", "perhaps", "never"];
const pairs = range(8).map((i) => ({
  input: { messages: [{ role: "user", content: `Is ${i} large?` }] },
  preferred_output: [{ role: "assistant", content: answers[i % 4] }],
  non_preferred_output: [{ role: "assistant", content: answers[(i + 1) % 4] }],
}));

/** Short runs of about a second, several epochs each. */
export const disturbedRuns: Record<string, Partial<TrainSpec>> = {
  "every step saved": { maxSteps: 14, saveSteps: 1, keepCheckpoints: 2 },
  "dropout, packing, accumulation": {
    lora: { r: 4, alpha: 8, dropout: 0.3 },
    packing: true,
    maxLength: 32,
    batchSize: 1,
    gradientAccumulationSteps: 3,
    maxSteps: 12,
    saveSteps: 3,
  },
  "evaluation, early stopping": {
    evalSplit: { testSize: 0.25, seed: 1 },
    evalSteps: 2,
    saveSteps: 3,
    keepCheckpoints: 1,
    maxSteps: 40,
    learningRate: 5e-2,
    earlyStopping: { metric: "evalLoss", patience: 3 },
  },
  "every parameter": { lora: false, maxSteps: 8, saveSteps: 2, keepCheckpoints: 1 },
  preferences: {
    method: "dpo",
    dataset: { type: "inline", rows: pairs },
    datasetFormat: "preference",
    maxSteps: 8,
    saveSteps: 3,
    learningRate: 1e-3,
  },
  "text windows": {
    dataset: { type: "inline", rows: tinyChats.map(({ messages }) => ({ text: JSON.stringify(messages) })) },
    datasetFormat: "text",
    maxLength: 24,
    textStride: 12,
    maxSteps: 10,
    saveSteps: 4,
  },
};

export const disturbedSpec = (outputDir: string, name: string): TrainSpec =>
  tinySpec(outputDir, disturbedRuns[name] ?? {});
