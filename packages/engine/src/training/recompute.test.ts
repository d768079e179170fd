import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loadBaseModel } from "../base-model.ts";
import { liveMemory } from "../graph/live-memory.ts";
import { rewrite } from "../graph/rewrite.ts";
import { topologicalOrder } from "../graph/tensor.ts";
import { trainingGraph } from "../models/objective.ts";
import { normals } from "../random.ts";
import type { LoraSpec } from "../spec.ts";
import { relativeDifference } from "../testing/golden-result.ts";
import { syntheticModel, syntheticRow, syntheticSpec } from "../testing/synthetic.ts";
import { range } from "../util.ts";
import { createStepper } from "./stepper.ts";
import { initialTrainables, type TrainableModel } from "./trainables.ts";

const families = ["llama-tied", "qwen2", "qwen3-tied", "gemma2", "gemma3", "phi3", "granite", "smollm3"];
const modelOf = (family: string) =>
  loadBaseModel(fileURLToPath(new URL(`../../../../fixtures/${family}/model`, import.meta.url)));

const [batch, length] = [2, 24];
const shape = { batch, length, supervised: 32 };

/** Adapters far from zero, so that every gradient says something. */
function loudTrainables(model: TrainableModel, lora: LoraSpec | false) {
  const trained = initialTrainables(model, { lora, modelName: "m", seed: 1 });
  if (lora !== false)
    for (const [i, data] of [...trained.parameters.values()].entries()) normals(data, { seed: 2, stream: i }, 0.1);
  return trained;
}

async function step(model: TrainableModel, lora: LoraSpec | false, recompute: boolean) {
  const rows = range(batch).map((i) => syntheticRow(model.spec, length, 0.5, i));
  const plan = { trainShape: { ...shape, recompute }, evalShape: shape, evalRows: [] };
  const stepper = await createStepper(model.spec, plan, loudTrainables(model, lora), { threads: 1 });
  try {
    return await stepper.window([rows], 1);
  } finally {
    await stepper.release();
  }
}

/** Not one bit differs. */
async function expectSame(model: TrainableModel, lora: LoraSpec | false): Promise<void> {
  const [kept, again] = [await step(model, lora, false), await step(model, lora, true)];
  expect(again.loss).toBe(kept.loss);
  expect([...again.grads.keys()]).toEqual([...kept.grads.keys()]);
  for (const [name, grad] of kept.grads) {
    expect(grad.some((x) => x !== 0)).toBe(true);
    expect({ name, grad: again.grads.get(name) }).toEqual({ name, grad });
  }
}

describe("blocks that are computed again give the same loss and gradients, bit for bit", () => {
  test.each(families)("%s", async (family) => {
    await expectSame(await modelOf(family), { r: 4, alpha: 8 });
  });

  test.each<[string, LoraSpec | false]>([
    ["adapters on the last layer", { r: 4, alpha: 8, layers: 1 }],
    ["dropout", { r: 4, alpha: 8, dropout: 0.3 }],
    ["DoRA", { r: 4, alpha: 8, useDora: true }],
    ["every parameter", false],
  ])("%s", async (_, lora) => {
    await expectSame(await modelOf("qwen3-tied"), lora);
  });
});

test("layers that share keys and values: the same loss, gradients but for the order of their sums", async () => {
  const model = await modelOf("gemma4");
  const lora = { r: 4, alpha: 8 };
  const [kept, again] = [await step(model, lora, false), await step(model, lora, true)];
  expect(again.loss).toBe(kept.loss);
  for (const [name, grad] of kept.grads) expect(relativeDifference(again.grads.get(name)!, grad)).toBeLessThan(1e-5);
});

test("what is kept grows with the layers by their inputs alone", () => {
  const sizes = { hiddenSize: 64, heads: 4, kvHeads: 2, headDim: 16, intermediateSize: 192, vocabSize: 64 };
  const peak = (layers: number, recompute: boolean) => {
    const spec = syntheticSpec({ ...sizes, layers });
    const { plan } = initialTrainables(syntheticModel(spec), { lora: { r: 4, alpha: 8 }, modelName: "m", seed: 1 });
    return peakOf(trainingGraph(spec, { batch: 4, length: 64, supervised: 64, recompute }, plan));
  };
  const perLayer = (recompute: boolean) => (peak(12, recompute) - peak(4, recompute)) / 8;
  const inputs = 4 * 64 * 64 * 4;
  expect(perLayer(true)).toBeLessThan(1.5 * inputs);
  expect(perLayer(false)).toBeGreaterThan(10 * inputs);
});

const peakOf = (graph: ReturnType<typeof trainingGraph>) => liveMemory(rewrite(Object.values(graph)).toReversed()).peak;

test("a block begins when every gradient of the block above is there, so that nothing of that one is kept for later", () => {
  const sizes = { hiddenSize: 64, heads: 4, kvHeads: 2, headDim: 16, intermediateSize: 96, vocabSize: 64, layers: 3 };
  const spec = syntheticSpec(sizes);
  const { plan } = initialTrainables(syntheticModel(spec), { lora: { r: 4, alpha: 8 }, modelName: "m", seed: 1 });
  const graph = trainingGraph(spec, { ...shape, recompute: true }, plan);
  const named = (layer: number) => Object.entries(graph).filter(([name]) => name.includes(`layers.${layer}.`));
  for (const [, lower] of named(0)) {
    const before = new Set(topologicalOrder([lower]));
    for (const [name, upper] of [...named(1), ...named(2)])
      expect({ name, known: before.has(upper) }).toEqual({ name, known: true });
  }
});
