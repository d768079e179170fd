import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { countSupervised } from "../data/example.ts";
import { type PackedRow, packExamples } from "../data/pack.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { normals } from "../random.ts";
import { syntheticModel, syntheticSpec } from "../testing/synthetic.ts";
import { runTiny, temporaryDir, tinyModel, tinySpec } from "../testing/tiny-run.ts";
import { train } from "../train.ts";
import { range } from "../util.ts";
import { createPrefix, firstBlockOf, type PrefixRoom } from "./prefix.ts";
import { createStepper } from "./stepper.ts";
import { initialTrainables, type TrainableModel } from "./trainables.ts";

const sizes = {
  hiddenSize: 32,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  intermediateSize: 48,
  layers: 3,
  vocabSize: 60,
};
const rowLength = 24;

function loudModel(spec: DecoderSpec): TrainableModel {
  const model = syntheticModel(spec);
  for (const [i, data] of Object.values(model.weights).entries())
    normals(data as Float32Array, { seed: 3, stream: i }, 0.2);
  return model;
}

const rows = packExamples(
  [5, 20, 9, 14, 3, 24].map((length, i) => ({
    ids: Int32Array.from(range(length), (at) => (at * 11 + i * 7 + 1) % 60),
    weights: Float32Array.from(range(length), (at) => (at > 0 ? 1 : 0)),
    row: i,
  })),
  { rowLength, packing: true },
);

function adapted(model: TrainableModel, layers?: number) {
  const lora = { r: 4, alpha: 8, ...(layers === undefined ? {} : { layers }) };
  const trained = initialTrainables(model, { lora, modelName: "tiny", seed: 5 });
  for (const [i, data] of [...trained.parameters.values()].entries()) normals(data, { seed: 9, stream: i }, 0.1);
  return trained;
}

const everything: PrefixRoom = { memoryBytes: 1e6, diskBytes: 0 };

async function prefixFor(model: TrainableModel, firstBlock: number, room = everything) {
  const store = { ...room, path: join(await temporaryDir(), "prefix.tmp") };
  return createPrefix(model.spec, { length: rowLength, firstBlock, weights: model.weights }, { store, threads: 1 });
}

async function stepperFor(model: TrainableModel, { cached }: { cached: boolean }) {
  const trained = adapted(model, 1);
  const shape = { batch: 2, length: rowLength, supervised: rows.reduce((sum, row) => sum + countSupervised(row), 0) };
  const prefix = cached ? await prefixFor(model, 2) : null;
  const plan = { trainShape: shape, evalShape: shape, evalRows: [...rows] };
  const stepper = await createStepper(model.spec, plan, trained, { threads: 1, prefix });
  onTestFinished(() => stepper.release());
  return stepper;
}

describe("training from the first adapted block", () => {
  test("gives the losses and gradients of the whole pass, in the first epoch and from kept results", async () => {
    const model = loudModel(syntheticSpec(sizes));
    const [whole, fromBlock] = [await stepperFor(model, { cached: false }), await stepperFor(model, { cached: true })];
    for (const epoch of [1, 2]) {
      for (const pair of [rows.slice(0, 2), rows.slice(2)] as PackedRow[][]) {
        const [expected, found] = [await whole.window([pair], epoch), await fromBlock.window([pair], epoch)];
        expect(found.loss).toBeCloseTo(expected.loss, 5);
        for (const [name, grad] of expected.grads) {
          const other = found.grads.get(name)!;
          const largest = Math.max(...grad.map(Math.abs));
          expect(largest).toBeGreaterThan(0);
          expect(Math.max(...grad.map((x, i) => Math.abs(x - other[i]!)))).toBeLessThan(1e-4 * largest);
        }
      }
    }
    expect((await fromBlock.evaluate())!.loss).toBeCloseTo((await whole.evaluate())!.loss, 5);
  });

  test("a row's result has the same bits whatever stands beside it and whether it was kept", async () => {
    const model = loudModel(syntheticSpec(sizes));
    const shape = { batch: 2, length: rowLength, supervised: 8 };
    const kept = await prefixFor(model, 2);
    const forgetful = await prefixFor(model, 2, { memoryBytes: 0, diskBytes: 0 });
    onTestFinished(async () => {
      await kept.release();
      await forgetful.release();
    });
    const half = rowLength * sizes.hiddenSize;
    const [first, second] = rows as [PackedRow, PackedRow];
    const { prefix } = await kept.feeds([first, second], shape);
    const { prefix: swapped } = await kept.feeds([second, first], shape);
    const { prefix: again } = await forgetful.feeds([first, second], shape);
    const { prefix: alone } = await forgetful.feeds([first], shape);
    expect(again).toEqual(prefix);
    expect(swapped!.subarray(half)).toEqual(prefix!.subarray(0, half));
    expect(alone!.subarray(0, half)).toEqual(prefix!.subarray(0, half));
    expect(alone!.subarray(half).every((x) => x === 0)).toBe(true);
  });
});

describe("where a run's own pass begins", () => {
  const several = { totalSteps: 10, stepsPerEpoch: 4 };
  const planOf = (spec: DecoderSpec, layers?: number) => adapted(loudModel(spec), layers).plan;
  const spec = syntheticSpec(sizes);

  test("at the first adapted block, if rows are seen again", () => {
    expect(firstBlockOf(spec, planOf(spec, 1), several)).toBe(2);
    expect(firstBlockOf(spec, planOf(spec, 2), several)).toBe(1);
    expect(firstBlockOf(spec, planOf(spec, 1), { totalSteps: 4, stepsPerEpoch: 4 })).toBe(0);
  });

  test("at the first block when it is adapted, or everything is trained", () => {
    expect(firstBlockOf(spec, planOf(spec), several)).toBe(0);
    expect(firstBlockOf(spec, null, several)).toBe(0);
  });

  test("at the first block when a later one looks at keys from below", () => {
    const layers = spec.layers.map((layer, i) => (i === 2 ? { ...layer, keysOf: 0 } : layer));
    const sharing = { ...spec, layers };
    expect(firstBlockOf(sharing, planOf(spec, 1), several)).toBe(0);
  });
});

describe("a run", () => {
  const changes = { lora: { r: 4, alpha: 8, layers: 1 }, numTrainEpochs: 3, maxSteps: undefined, saveSteps: 4 };

  test("ends with the same losses wherever results are kept, and goes on from a pause with the same bits", async () => {
    const dir = await temporaryDir();
    const whole = await runTiny(tinySpec(join(dir, "whole"), changes));
    expect(whole.losses).toHaveLength(12);
    const losses: (number | null)[] = [];
    await train(await tinyModel(), tinySpec(join(dir, "disk"), changes), {
      onEvent: (event) => event.type === "log" && losses.push(event.loss),
      threads: 1,
      prefixRoom: { memoryBytes: 0, diskBytes: 1e9 },
    });
    expect(losses).toEqual(whole.losses);
    const spec = tinySpec(join(dir, "paused"), changes);
    const before = await runTiny(spec, (done) => (done >= 6 ? "pause" : null));
    const after = await runTiny(spec);
    expect([...before.losses, ...after.losses]).toEqual(whole.losses);
  });
});
