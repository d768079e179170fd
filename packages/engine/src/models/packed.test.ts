import { describe, expect, test } from "vitest";
import { interpret } from "../graph/interpret.ts";
import { constant, dequantize, input, unpack } from "../graph/tensor.ts";
import { createSession } from "../onnx/session.ts";
import { normals } from "../random.ts";
import type { LoraSpec } from "../spec.ts";
import { relativeDifference } from "../testing/golden-result.ts";
import { syntheticModel, syntheticRow, syntheticSpec } from "../testing/synthetic.ts";
import { createStepper } from "../training/stepper.ts";
import { initialTrainables, type TrainableModel } from "../training/trainables.ts";
import { range } from "../util.ts";
import { denseWeight, packedShapes } from "./packed.ts";
import { blockLength, packRows, quantize, toNeighbours, unpackRows } from "./quantize.ts";
import { linearLayers } from "./spec.ts";

const [rows, width] = [6, 96];
const random = (length: number) => {
  const data = new Float32Array(length);
  normals(data, { seed: 4, stream: 0 }, 0.05);
  return data;
};
/** −0 is 0. */
const plain = (values: ArrayLike<number>) => Array.from(values, (x) => x + 0);

describe.each([4, 8] as const)("%i bits", (bits) => {
  const weights = random(rows * width);
  const packed = packRows(weights, width, bits);
  const blocks = width / blockLength;
  const known = unpackRows(packed, width, bits);

  test("hold what the form for answers holds, and become it", () => {
    const own = quantize(weights, bits);
    const other = dequantize(
      constant(own.packed, [rows, blocks, 4 * bits]),
      constant(own.scales, [rows, blocks]),
      bits,
    );
    expect(plain(Float32Array.from(interpret([other], {})[0]!.data))).toEqual(plain(known));
    expect(toNeighbours(packed, width, bits)).toEqual(own);
  });

  test("are the same numbers in TypeScript, in the interpreter and in ONNX Runtime", async () => {
    const feeds = { w: packed.packed, s: packed.scales };
    const y = unpack(input("w", [rows, (width * bits) / 8], "u8"), input("s", [rows, blocks]), bits);
    const session = await createSession({ y }, { threads: 1 });
    const fast = await session.run(feeds);
    await session.release();
    expect(plain(fast.y)).toEqual(plain(known));
    expect(plain(Float32Array.from(interpret([y], feeds)[0]!.data))).toEqual(plain(known));
  });

  test("are off by half a step at most, one where they are as far from zero as the farthest of their block", () => {
    for (const [i, w] of weights.entries()) {
      const block = weights.subarray(i - (i % blockLength), i - (i % blockLength) + blockLength);
      const step = Math.max(...block.map(Math.abs)) / 2 ** (bits - 1);
      const allowed = Math.abs(w) > (2 ** (bits - 1) - 1) * step ? 1 : 0.5;
      expect(Math.abs(known[i]! - w)).toBeLessThanOrEqual(allowed * step * 1.0001);
    }
  });
});

const sizes = { hiddenSize: 64, heads: 4, kvHeads: 2, headDim: 16, intermediateSize: 96, layers: 3, vocabSize: 80 };
const [batch, length] = [2, 64];

async function step(model: TrainableModel, lora: LoraSpec) {
  const trained = initialTrainables(model, { lora, modelName: "m", seed: 1 });
  for (const [i, [name, data]] of [...trained.parameters].entries())
    if (!name.endsWith("magnitude_vector")) normals(data, { seed: 2, stream: i }, 0.05);
  const shape = { batch, length, supervised: 64 };
  const data = range(batch).map((i) => syntheticRow(model.spec, length, 0.5, i));
  const stepper = await createStepper(model.spec, { trainShape: shape, evalShape: shape, evalRows: data }, trained, {
    threads: 1,
  });
  try {
    return { ...(await stepper.window([data], 1)), held: (await stepper.evaluate())!.loss };
  } finally {
    await stepper.release();
  }
}

/** The slow, obvious twin: the model whose weights are the numbers that the packed ones stand for. */
function unpackedTwin(model: TrainableModel): TrainableModel {
  const { weightBits: _, ...spec } = model.spec;
  const dense = [...linearLayers(spec).keys()].map((name) => `${name}.weight`);
  return {
    ...model,
    spec,
    weights: { ...model.weights, ...Object.fromEntries(dense.map((name) => [name, denseWeight(model, name)])) },
  };
}

describe.each([4, 8] as const)("training on a %i-bit base", (weightBits) => {
  const model = syntheticModel(syntheticSpec(sizes, { weightBits }));

  test("packs every linear layer of the blocks, and nothing else", () => {
    expect([...packedShapes(model.spec).keys()]).toEqual(
      [...linearLayers(model.spec).keys()].map((name) => `${name}.weight`),
    );
    for (const [name, data] of Object.entries(model.weights))
      expect(data instanceof Uint8Array).toBe(packedShapes(model.spec).has(name));
  });

  test.each<[string, LoraSpec]>([
    ["merged adapters", { r: 4, alpha: 8 }],
    ["adapters apart, under dropout", { r: 4, alpha: 8, dropout: 0.25 }],
    ["adapters on the last layer", { r: 4, alpha: 8, layers: 1 }],
    ["adapters on some layers only", { r: 4, alpha: 8, targetModules: ["q_proj", "down_proj"] }],
    ["DoRA", { r: 4, alpha: 8, useDora: true }],
  ])("%s: loss and gradients are those of the weights it stands for", async (_, lora) => {
    const [packed, twin] = [await step(model, lora), await step(unpackedTwin(model), lora)];
    expect(packed.loss).toBeCloseTo(twin.loss, 6);
    expect(packed.held).toBeCloseTo(twin.held, 6);
    expect([...packed.grads.keys()]).toEqual([...twin.grads.keys()]);
    for (const [name, grad] of twin.grads) expect(relativeDifference(packed.grads.get(name)!, grad)).toBeLessThan(1e-5);
  });
});

test("layers whose inputs are no multiple of 32 stay as they are", async () => {
  const spec = syntheticSpec({ ...sizes, intermediateSize: 40 }, { weightBits: 4 });
  const model = syntheticModel(spec);
  const down = [...packedShapes(spec).keys()].filter((name) => name.includes("down_proj"));
  expect(down).toEqual([]);
  expect(model.weights["model.layers.0.mlp.down_proj.weight"]).toBeInstanceOf(Float32Array);
  const [packed, twin] = [await step(model, { r: 4, alpha: 8 }), await step(unpackedTwin(model), { r: 4, alpha: 8 })];
  expect(packed.loss).toBeCloseTo(twin.loss, 6);
});
