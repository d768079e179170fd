import { beforeAll, expect, test } from "vitest";
import type { BaseModel } from "../base-model.ts";
import { tinyModel, tinySpec } from "../testing/tiny-run.ts";
import { range } from "../util.ts";
import { createFittingStepper } from "./fitting-stepper.ts";
import { prepareRunData } from "./run-data.ts";
import { planRun, type RunPlan } from "./run-plan.ts";
import { createStepper, type Stepper } from "./stepper.ts";
import { tokenObjective } from "./token-objective.ts";
import { initialTrainables, type Trainables } from "./trainables.ts";

const spec = tinySpec("/nowhere", {
  batchSize: 4,
  gradientAccumulationSteps: 2,
  evalSplit: { testSize: 0.25, seed: 1 },
  lora: { r: 4, alpha: 8, dropout: 0.4 },
});

let model: BaseModel;
let plan: RunPlan;
let trained: Trainables;

beforeAll(async () => {
  model = await tinyModel();
  plan = planRun(spec, await prepareRunData(model, spec, () => {}));
  trained = initialTrainables(model, spec);
  // As after some training: a fresh B has zero gradients behind it.
  for (const [name, values] of trained.parameters) if (name.includes("lora_B")) values.fill(0.01);
});

/** Fails as long as a forward pass has more than `limit` rows. */
const creatorFor =
  (limit: number, message: string): typeof createStepper =>
  async (...args) => {
    const stepper = await createStepper(...args);
    const refuse = async (): Promise<never> => {
      throw new Error(message);
    };
    const tooLarge: Stepper = { ...stepper, window: refuse, evaluate: refuse };
    return args[1].trainShape.batch > limit ? tooLarge : stepper;
  };

async function stepperWith(limit: number, message = "std::bad_alloc") {
  const warnings: string[] = [];
  const division = { threads: 1, microBatchParts: 1 };
  const stepper = await createFittingStepper({
    ...{ spec: model.spec, plan, trained, objective: tokenObjective, prefix: null, division },
    onWarning: (warning) => warnings.push(warning),
    create: creatorFor(limit, message),
  });
  return { stepper, warnings, division };
}

const largestDifference = (a: Float32Array, b: Float32Array) =>
  range(a.length).reduce((max, i) => Math.max(max, Math.abs(a[i]! - b[i]!)), 0);

test.each([2, 1])(
  "with room for %i rows the step is the same, dropout included, and the user is told",
  async (limit) => {
    const whole = await (await stepperWith(4)).stepper.window(plan.microBatches(1), 1);
    const { stepper, warnings, division } = await stepperWith(limit);
    const parts = await stepper.window(plan.microBatches(1), 1);
    expect(division.microBatchParts).toBe(4 / limit);
    expect(parts.loss).toBeCloseTo(whole.loss, 6);
    expect(parts.accuracy).toBe(whole.accuracy);
    for (const [name, grad] of parts.grads) expect(largestDifference(grad, whole.grads.get(name)!)).toBeLessThan(2e-6);
    expect(warnings.at(-1)).toContain(`${limit} row`);
    expect(warnings).toHaveLength(Math.log2(4 / limit));
    expect((await stepper.evaluate())!.loss).toBeCloseTo((await (await stepperWith(4)).stepper.evaluate())!.loss, 6);
  },
);

test.each(["Failed to allocate memory for requested buffer of size 4096", "Array buffer allocation failed"])(
  "%s is understood",
  async (message) => {
    const { stepper, division } = await stepperWith(2, message);
    await stepper.window(plan.microBatches(1), 1);
    expect(division.microBatchParts).toBe(2);
  },
);

test("where one row does not fit the run ends and says what to lower", async () => {
  const { stepper } = await stepperWith(0);
  await expect(stepper.window(plan.microBatches(1), 1)).rejects.toMatchObject({
    code: "out_of_memory",
    param: "maxLength",
  });
});

test("other failures are passed on as they are", async () => {
  const { stepper, warnings } = await stepperWith(2, "Invalid rank for input");
  await expect(stepper.window(plan.microBatches(1), 1)).rejects.toThrow("Invalid rank");
  expect(warnings).toEqual([]);
});
