import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { LoraSpec, TrainSpec } from "../spec.ts";
import type { MeasuredSetting } from "../testing/memory-run.ts";
import { syntheticModel, syntheticRow, syntheticSpec } from "../testing/synthetic.ts";
import { tinySpec } from "../testing/tiny-run.ts";
import { range } from "../util.ts";
import { checkMemory, costsOf, type EstimatedRun, estimateRun, fitPlan } from "./estimate.ts";
import type { RunPlan } from "./run-plan.ts";
import { countParameters, initialTrainables } from "./trainables.ts";

const spec = syntheticSpec({
  hiddenSize: 32,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  intermediateSize: 48,
  layers: 4,
  vocabSize: 60,
});
const model = syntheticModel(spec);
const baseBytes = Object.values(model.weights).reduce((sum, { byteLength }) => sum + byteLength, 0);
const length = 64;

interface Setting {
  batch?: number;
  lora?: LoraSpec | false;
  accumulation?: number;
  rows?: number;
}

function estimate({ batch = 8, lora = { r: 4, alpha: 8 }, accumulation = 1, rows = 4 }: Setting = {}) {
  const trained = initialTrainables(model, { lora, modelName: "tiny", seed: 1 });
  const shape = { batch, length, supervised: batch * 32 };
  const plan = {
    rows: range(rows).map((i) => syntheticRow(spec, length, 0.5, i)),
    trainShape: shape,
  } as unknown as RunPlan;
  const run = { ...plan, lora: trained.plan, trainableParameters: countParameters(trained) };
  return estimateRun({ gradientAccumulationSteps: accumulation }, model, run);
}

describe("memory", () => {
  test("of an adapter: the base once, two moments, sums of gradients only where there is something to sum", () => {
    const { memory, trainableParameters } = estimate();
    expect(memory).toMatchObject({ weights: baseBytes, gradients: 0, optimizer: 8 * trainableParameters });
    expect(estimate({ accumulation: 2 }).memory.gradients).toBe(4 * trainableParameters);
    const { total, ...parts } = memory;
    expect(total).toBe(Object.values(parts).reduce((sum, bytes) => sum + bytes, 0));
  });

  test("of few rows: three times the base, whose weights are copied into the session", () => {
    expect(estimate({ batch: 2 }).memory.weights).toBe(3 * baseBytes);
  });

  test("of full fine-tuning: the parameters twice", () => {
    const { memory, trainableParameters } = estimate({ lora: false });
    expect(memory.weights).toBe(baseBytes + 4 * trainableParameters);
    expect(memory.optimizer).toBeGreaterThan(1.9 * baseBytes);
  });

  test("of activations grows with the batch, and shrinks with the layers that are trained", () => {
    const of = (setting: Setting) => estimate(setting).memory.activations;
    expect(of({ batch: 16 }) / of({ batch: 8 })).toBeCloseTo(2, 0);
    expect(of({ lora: { r: 4, alpha: 8, layers: 1 } })).toBeLessThan(of({}) / 1.5);
    // More than the residual stream of each layer, less than everything that is ever computed.
    expect(of({})).toBeGreaterThan(4 * 8 * length * 32 * 4);
    expect(of({})).toBeLessThan(4 * 8 * length * 4 * 40 * 48);
  });
});

test("an epoch takes its tokens' operations, and at a rate its time", () => {
  const one = estimate();
  const last = estimate({ lora: { r: 4, alpha: 8, layers: 1 } });
  expect(last.flopsPerEpoch).toBeLessThan(0.75 * one.flopsPerEpoch);
  expect(last.flopsPerEpoch).toBeGreaterThan(0.5 * one.flopsPerEpoch);
  expect(estimate({ rows: 8 }).flopsPerEpoch).toBeCloseTo(2 * one.flopsPerEpoch);
  const costs = costsOf(one, 100);
  expect(costs).toMatchObject({ flopsPerEpoch: one.flopsPerEpoch, memoryBytes: one.memory.total });
  expect(costs.secondsPerEpoch).toBeGreaterThan(one.flopsPerEpoch / 100e9);
  expect(costsOf(one, 200).secondsPerEpoch).toBeCloseTo(costs.secondsPerEpoch / 2, 12);
});

describe("a run that does not fit", () => {
  const needed = estimate({ batch: 8 });
  const spec = (changes: Partial<TrainSpec> = {}) => tinySpec("/out", { batchSize: 8, ...changes });

  test("is refused above all memory, warned of above most of it, and else not mentioned", () => {
    const { total } = needed.memory;
    expect(() => checkMemory(needed, total - 1, spec())).toThrow(
      expect.objectContaining({ code: "invalid_config", message: expect.stringMatching(/needs about .* machine has/) }),
    );
    expect(checkMemory(needed, total, spec())).toMatch(/may become slow/);
    expect(checkMemory(needed, 2 * total, spec())).toBeNull();
  });

  const mostly = (part: "weights" | "activations" | "optimizer") => {
    const memory = { runtime: 0, weights: 1, activations: 1, gradients: 0, optimizer: 1, total: 99 };
    return { ...needed, memory: { ...memory, [part]: 97 } };
  };
  test.each<[string, "weights" | "activations" | "optimizer", Partial<TrainSpec>]>([
    ["batchSize", "activations", {}],
    ["maxLength", "activations", { batchSize: 1 }],
    ["lora.loadIn4bit", "weights", {}],
    ["modelDir", "weights", { lora: { r: 4, alpha: 8, loadIn4bit: true } }],
    ["recompute", "activations", { batchSize: 1, recompute: false }],
    ["lora", "optimizer", { lora: false }],
  ])("says to lower %s when it is mostly %s (%j)", (param, part, changes) => {
    expect(() => checkMemory(mostly(part), 50, spec(changes))).toThrow(
      expect.objectContaining({ param, hint: expect.any(String) }),
    );
  });
});

describe("blocks are computed again in the backward pass", () => {
  const trained = initialTrainables(model, { lora: { r: 4, alpha: 8 }, modelName: "tiny", seed: 1 });
  const shape = { batch: 8, length, supervised: 256 };
  const plan = {
    rows: range(4).map((i) => syntheticRow(spec, length, 0.5, i)),
    trainShape: shape,
    evalShape: shape,
    lora: trained.plan,
    trainableParameters: countParameters(trained),
  } as unknown as EstimatedRun;
  const recompute = (available: number, changes: Partial<TrainSpec> = {}, of = model) =>
    fitPlan(tinySpec("/out", changes), of, plan, { available, parts: 1 });
  const plain = estimateRun({ gradientAccumulationSteps: 1 }, model, plan).memory;
  const needed = plain.total;

  test("where memory is short, which saves a third of the activations of only four layers", () => {
    expect(recompute(2 * needed).plan.trainShape.recompute).toBeUndefined();
    const { plan: chosen, estimate } = recompute(needed);
    expect([chosen.trainShape.recompute, chosen.evalShape.recompute]).toEqual([true, true]);
    expect(estimate.memory.activations).toBeLessThan(0.7 * plain.activations);
  });

  test("as the run says, if it does", () => {
    expect(recompute(2 * needed, { recompute: true }).plan.trainShape.recompute).toBe(true);
    expect(recompute(needed, { recompute: false }).plan.trainShape.recompute).toBeUndefined();
  });

  test("always on packed weights, which are counted as they are held", () => {
    const packed = syntheticModel({ ...spec, weightBits: 4 });
    const held = Object.values(packed.weights).reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(held).toBeLessThan(baseBytes / 2);
    const { plan: chosen, estimate } = recompute(100 * needed, {}, packed);
    expect(chosen.trainShape.recompute).toBe(true);
    expect(estimate.memory.weights).toBe(held);
  });
});

describe("memory as it is measured", () => {
  const script = fileURLToPath(new URL("../testing/memory-run.ts", import.meta.url));
  const measured = async (setting: MeasuredSetting): Promise<{ grown: number; estimated: number }> => {
    const args = ["--expose-gc", "--conditions=midrun-source", script, JSON.stringify(setting)];
    return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout);
  };

  // What a session itself takes, and the garbage of building its graph, are not estimated: tens of megabytes.
  test.each<MeasuredSetting>([{}, { recompute: true }, { weightBits: 8 }, { weightBits: 4 }])(
    "%j: at most 1.3 times the estimate and 60 MB, and no less than 0.8 times",
    async (setting) => {
      const { grown, estimated } = await measured(setting);
      expect(grown).toBeLessThan(1.3 * estimated + 60e6);
      expect(grown).toBeGreaterThan(0.8 * estimated);
    },
  );
});
