/** What a run will do, decided before its first step: rows, steps, shapes. A pure function of the data and the spec. */

import { countSupervised } from "../data/example.ts";
import { batchesOf, stepsPerEpoch } from "../data/order.ts";
import { type PackedRow, packExamples } from "../data/pack.ts";
import type { BatchShape } from "../models/objective.ts";
import type { StepCount, TrainSpec } from "../spec.ts";
import { range } from "../util.ts";
import { batchesInOrder } from "./micro-batch.ts";
import type { RunData } from "./run-data.ts";

export interface RunPlan {
  /** Rows that stay together, see `RunData`. `batchSize` counts such samples. */
  perSample: RunData["perSample"];
  rows: PackedRow[];
  evalRows: PackedRow[];
  totalSteps: number;
  stepsPerEpoch: number;
  trainShape: BatchShape;
  evalShape: BatchShape;
  warmupSteps: number;
  loggingSteps: number;
  saveSteps: number;
  evalSteps: number;
  /** Rows of each micro-batch of a step (from 1), in the order in which they are computed. */
  microBatches(step: number): PackedRow[][];
}

/** Row lengths are multiples of this, which the matrix kernels like. */
const lengthUnit = 8;
const supervisedUnit = 16;
const dryRunSteps = 10;

export function planRun(spec: TrainSpec, { train, evaluation, perSample }: Omit<RunData, "report">): RunPlan {
  const rowLength = lengthOfRows(spec, [...train, ...evaluation]);
  const pack = (examples: RunData["train"]) => packExamples(examples, { rowLength, packing: spec.packing });
  const [rows, evalRows] = [pack(train), pack(evaluation)];
  const order = {
    count: rows.length / perSample,
    batchSize: spec.batchSize,
    gradientAccumulationSteps: spec.gradientAccumulationSteps,
    seed: spec.seed,
  };
  const perEpoch = stepsPerEpoch(order);
  const totalSteps = stepsOf(spec, perEpoch);
  const sample = (i: number) => rows.slice(i * perSample, (i + 1) * perSample);
  const microBatches = (step: number) =>
    batchesOf(order, step - 1).microBatches.map((indices) => indices.flatMap(sample));
  const batch = perSample * Math.min(spec.batchSize, Math.max(order.count, 1));
  const shape = (batches: PackedRow[][]): BatchShape => ({
    batch,
    length: rowLength,
    supervised: mostSupervised(batches),
  });
  return {
    perSample,
    rows,
    evalRows,
    totalSteps,
    stepsPerEpoch: perEpoch,
    trainShape: shape(range(totalSteps).flatMap((i) => microBatches(i + 1))),
    evalShape: shape(batchesInOrder(evalRows, batch)),
    warmupSteps: resolve(spec.warmupSteps, totalSteps),
    loggingSteps: Math.max(1, resolve(spec.loggingSteps, totalSteps)),
    saveSteps: resolve(spec.saveSteps, totalSteps),
    evalSteps: resolve(spec.evalSteps, totalSteps),
    microBatches,
  };
}

/** The same plan with blocks computed again in the backward pass. */
export const withRecompute = <Plan extends RunPlan>(plan: Plan): Plan => ({
  ...plan,
  trainShape: { ...plan.trainShape, recompute: true },
  evalShape: { ...plan.evalShape, recompute: true },
});

/** The shapes of the same plan when each micro-batch is computed in `parts`. */
export function splitShapes(plan: RunPlan, parts: number): Pick<RunPlan, "trainShape" | "evalShape"> {
  const { trainShape, evalShape, totalSteps, evalRows, perSample } = plan;
  if (parts === 1) return { trainShape, evalShape };
  const batch = perSample * Math.ceil(trainShape.batch / perSample / parts);
  const split = (batches: PackedRow[][]) => batches.flatMap((rows) => batchesInOrder(rows, batch));
  const trained = range(totalSteps).flatMap((i) => split(plan.microBatches(i + 1)));
  return {
    trainShape: { ...trainShape, batch, supervised: mostSupervised(trained), split: true },
    evalShape: { ...evalShape, batch, supervised: mostSupervised(split([evalRows])), split: true },
  };
}

/** Micro-batches that can still be made smaller. */
export function canSplit({ trainShape, perSample }: RunPlan, parts: number): boolean {
  return parts < trainShape.batch / perSample;
}

function stepsOf({ maxSteps, numTrainEpochs = 1, dryRun }: TrainSpec, perEpoch: number): number {
  const asked = maxSteps ?? Math.ceil(numTrainEpochs * perEpoch);
  return dryRun ? Math.min(asked, dryRunSteps) : asked;
}

/** A packed row is as long as `maxLength`, or as all there is to pack; an unpacked one as the longest example. */
function lengthOfRows({ packing, maxLength }: TrainSpec, examples: RunData["train"]): number {
  const lengths = examples.map(({ ids }) => ids.length);
  const needed = packing ? lengths.reduce((a, b) => a + b, 0) : lengths.reduce((a, b) => Math.max(a, b), 0);
  return roundUp(Math.min(maxLength, needed), lengthUnit);
}

/** Most supervised tokens of any batch, rounded up to what kernels like. */
export function mostSupervised(batches: readonly PackedRow[][]): number {
  const counts = new Map<PackedRow, number>();
  const countOf = (row: PackedRow) => {
    const count = counts.get(row) ?? countSupervised(row);
    counts.set(row, count);
    return count;
  };
  const most = batches.reduce(
    (max, batch) =>
      Math.max(
        max,
        batch.reduce((sum, row) => sum + countOf(row), 0),
      ),
    1,
  );
  return roundUp(most, supervisedUnit);
}

function resolve(steps: StepCount, totalSteps: number): number {
  return typeof steps === "number" ? steps : Math.ceil(steps.ratio * totalSteps);
}

const roundUp = (n: number, unit: number) => Math.max(unit, Math.ceil(n / unit) * unit);
