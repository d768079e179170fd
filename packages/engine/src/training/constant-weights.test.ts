import { expect, test } from "vitest";
import { syntheticModel, syntheticRow, syntheticSpec } from "../testing/synthetic.ts";
import { initialTrainables } from "../training/trainables.ts";
import { constantWeights } from "./constant-weights.ts";
import { createStepper } from "./stepper.ts";

const spec = syntheticSpec({ layers: 2, hiddenSize: 48, heads: 4, kvHeads: 2, intermediateSize: 80, vocabSize: 96 });
const model = syntheticModel(spec);
const few = { batch: 2, length: 32, supervised: 40 };

test("a small model's weights are constants where micro-batches are small and did not run out of memory", () => {
  const { weights } = model;
  expect(constantWeights(spec, few, weights)).toBe(weights);
  expect(constantWeights(spec, { ...few, batch: 9 }, weights)).toEqual({});
  expect(constantWeights(spec, { ...few, split: true }, weights)).toEqual({});
  expect(constantWeights({ ...spec, weightBits: 4 }, few, weights)).toEqual({});
  const large = { ...weights, more: new Uint8Array(128 * 2 ** 20) };
  expect(constantWeights(spec, few, large)).toEqual({});
});

test("steps are those of fed weights", async () => {
  const trained = initialTrainables(model, { lora: { r: 4, alpha: 8 }, modelName: "tiny", seed: 1 });
  for (const [name, values] of trained.parameters) if (name.includes("lora_B")) values.fill(0.01);
  const rows = [0, 1].map((i) => syntheticRow(spec, few.length, 0.5, i));
  const [constant, fed] = await Promise.all(
    [few, { ...few, split: true }].map(async (shape) => {
      const stepper = await createStepper(spec, { trainShape: shape, evalShape: shape, evalRows: [] }, trained);
      const result = await stepper.window([rows], 1);
      await stepper.release();
      return result;
    }),
  );
  expect(constant!.loss).toBeCloseTo(fed!.loss, 5);
  for (const [name, grad] of fed!.grads) {
    const largest = Math.max(...grad.map(Math.abs));
    const difference = Math.max(...grad.map((value, i) => Math.abs(value - constant!.grads.get(name)![i]!)));
    expect(difference / largest, name).toBeLessThan(1e-4);
  }
});
