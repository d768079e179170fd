/** Training steps that are held against the machine's MatMul. */

import type { TrainBenchOptions } from "../packages/engine/src/bench/train.ts";
import { deep, medium, shallow } from "./shapes.ts";

const oneSequence = { batch: 1, length: 128, supervisedShare: 1, r: 8 };
const eightSequences = { ...oneSequence, batch: 8 };
const packed = { batch: 4, length: 256, supervisedShare: 0.5, r: 16 };

export const trainCases: Record<string, { what: string; options: TrainBenchOptions }> = {
  medium: {
    what: "8×512, vocabulary 8,192, r=16, 4×256 tokens, half supervised",
    options: { spec: medium, ...packed },
  },
  shallowOne: { what: "4×512, vocabulary 4,096, r=8, 1×128 tokens", options: { spec: shallow, ...oneSequence } },
  shallowEight: { what: "4×512, vocabulary 4,096, r=8, 8×128 tokens", options: { spec: shallow, ...eightSequences } },
  deepOne: { what: "12×768, vocabulary 16,384, r=8, 1×128 tokens", options: { spec: deep, ...oneSequence } },
  deepEight: { what: "12×768, vocabulary 16,384, r=8, 8×128 tokens", options: { spec: deep, ...eightSequences } },
};

/** The last half of `medium`'s layers, whose lower half is computed in the first epoch only. */
export const lastFour: TrainBenchOptions = { spec: medium, ...packed, layers: 4 };
