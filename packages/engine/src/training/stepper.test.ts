import { describe, expect, onTestFinished, test } from "vitest";
import { countSupervised } from "../data/example.ts";
import { type PackedRow, packExamples } from "../data/pack.ts";
import type { Example } from "../data/prepare.ts";
import { createDecodeSession } from "../decode/decode-session.ts";
import type { Tensors } from "../optim.ts";
import { normals } from "../random.ts";
import { syntheticModel, syntheticSpec } from "../testing/synthetic.ts";
import { range } from "../util.ts";
import { createStepper } from "./stepper.ts";
import { initialTrainables, type TrainableModel, type Trainables } from "./trainables.ts";

const spec = syntheticSpec({
  hiddenSize: 32,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  intermediateSize: 48,
  layers: 2,
  vocabSize: 60,
});
const rowLength = 24;

function loudModel(): TrainableModel {
  const model = syntheticModel(spec);
  for (const [i, data] of Object.values(model.weights).entries())
    normals(data as Float32Array, { seed: 3, stream: i }, 0.2);
  return model;
}

/** An adapter that has moved, so that every gradient is there. */
function movedAdapter(model: TrainableModel): Trainables {
  const trained = initialTrainables(model, { lora: { r: 4, alpha: 8 }, modelName: "tiny", seed: 5 });
  for (const [i, data] of [...trained.parameters.values()].entries()) normals(data, { seed: 9, stream: i }, 0.1);
  return trained;
}

/** Examples of unequal length; some carry loss only in their second half. */
function exampleOf(i: number, length: number): Example {
  const weights = Float32Array.from(range(length), (at) => (at > 0 && (i % 3 !== 0 || at > length / 2) ? 1 : 0));
  return { ids: Int32Array.from(range(length), (at) => (at * 11 + i * 7 + 1) % 60), weights, row: i };
}
const examples = [5, 20, 9, 14, 3, 24, 7, 11].map((length, i) => exampleOf(i, length));
const unpacked = packExamples(examples, { rowLength, packing: false });

const model = loudModel();

async function stepperFor(
  batch: number,
  rows: readonly PackedRow[],
  trained = movedAdapter(model),
  evalRows: PackedRow[] = [],
) {
  const shape = { batch, length: rowLength, supervised: rows.reduce((sum, row) => sum + countSupervised(row), 0) };
  const stepper = await createStepper(spec, { trainShape: shape, evalShape: shape, evalRows }, trained, { threads: 1 });
  onTestFinished(() => stepper.release());
  return stepper;
}

const inGroups = (rows: readonly PackedRow[], size: number) =>
  range(Math.ceil(rows.length / size)).map((i) => rows.slice(i * size, (i + 1) * size));

async function windowOf(rows: readonly PackedRow[], batch: number) {
  const stepper = await stepperFor(batch, rows);
  return stepper.window(inGroups(rows, batch), 1);
}

/** Largest difference of any gradient, relative to that tensor's largest element. */
function relativeDistance(a: Tensors, b: Tensors): number {
  expect([...a.keys()]).toEqual([...b.keys()]);
  return Math.max(
    ...[...a].map(([name, x]) => {
      const y = b.get(name)!;
      const scale = y.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      expect(scale).toBeGreaterThan(1e-4);
      return range(x.length).reduce((most, i) => Math.max(most, Math.abs(x[i]! - y[i]!)), 0) / scale;
    }),
  );
}

describe("accumulation", () => {
  test("correctness 1: 8×1, 4×2, 2×4 and 1×8 rows of unequal length give one gradient", async () => {
    const whole = await windowOf(unpacked, 8);
    for (const batch of [1, 2, 4]) {
      const split = await windowOf(unpacked, batch);
      expect(relativeDistance(split.grads, whole.grads)).toBeLessThan(1e-5);
      expect(split.loss).toBeCloseTo(whole.loss, 5);
    }
  });

  test("correctness 2: a short last window counts its own tokens, not those of a full one", async () => {
    const rest = unpacked.slice(0, 3);
    const stepper = await stepperFor(4, unpacked);
    const short = await stepper.window([rest], 1);
    expect(relativeDistance(short.grads, (await windowOf(rest, 3)).grads)).toBeLessThan(1e-5);
    const reference = await bruteForce(rest);
    expect(short.loss).toBeCloseTo(reference.loss, 4);
  });
});

/** Mean of −log p(next token) over supervised tokens, one example at a time through the decoder, token by token. */
async function bruteForce(rows: readonly PackedRow[]): Promise<{ loss: number; accuracy: number; tokens: number }> {
  const { adapter } = movedAdapter(model).toWeights() as {
    adapter: Parameters<ReturnType<typeof createDecodeSession>["start"]>[0];
  };
  const decoding = createDecodeSession(model, { threads: 1 });
  let [loss, right, tokens] = [0, 0, 0];
  for (const { ids, weights, segments } of rows) {
    const sequence = decoding.start(adapter);
    for (let at = 0; segments[at + 1] === 0; at++) {
      const logits = await sequence.next([ids[at]!]);
      if (weights[at] === 0) continue;
      const top = logits.reduce((a, b) => Math.max(a, b));
      loss += Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0)) + top - logits[ids[at + 1]!]!;
      right += logits[ids[at + 1]!] === top ? 1 : 0;
      tokens++;
    }
  }
  await decoding.release();
  return { loss: loss / tokens, accuracy: right / tokens, tokens };
}

test("correctness 5: loss and accuracy are means over supervised tokens, as counted one by one", async () => {
  const reference = await bruteForce(unpacked);
  const counted = unpacked.reduce((sum, row) => sum + countSupervised(row), 0);
  expect(counted).toBe(reference.tokens);
  const { loss, accuracy } = await windowOf(unpacked, 4);
  expect(loss).toBeCloseTo(reference.loss, 4);
  expect(accuracy).toBeCloseTo(reference.accuracy, 10);
  const stepper = await stepperFor(4, unpacked, undefined, unpacked);
  const evaluated = await stepper.evaluate();
  expect(evaluated!.loss).toBeCloseTo(reference.loss, 4);
  expect(evaluated!.accuracy).toBeCloseTo(reference.accuracy, 10);
});

describe("packing", () => {
  const packed = packExamples(examples, { rowLength, packing: true });

  test("correctness 6: packed rows give the loss and the gradients of separate ones", async () => {
    expect(packed.length).toBeLessThan(unpacked.length);
    const [together, apart] = [await windowOf(packed, packed.length), await windowOf(unpacked, 8)];
    expect(together.loss).toBeCloseTo(apart.loss, 5);
    expect(relativeDistance(together.grads, apart.grads)).toBeLessThan(1e-5);
  });

  test("correctness 6: changing one document of a row changes no loss of another", async () => {
    const two = (first: Example) => packExamples([first, exampleOf(1, 10)], { rowLength, packing: true });
    const silent = (example: Example): Example => ({ ...example, weights: new Float32Array(example.weights.length) });
    const [before, after] = [two(silent(exampleOf(2, 12))), two(silent(exampleOf(7, 12)))];
    expect(before[0]!.ids).not.toEqual(after[0]!.ids);
    expect((await windowOf(after, 1)).loss).toBe((await windowOf(before, 1)).loss);
  });

  test("correctness 7: positions start anew, and no document's first token is the target of the one before", () => {
    for (const { positions, segments, weights } of packed) {
      range(rowLength - 1).forEach((at) => {
        if (segments[at] === segments[at + 1] || segments[at] === -1) return;
        expect(weights[at]).toBe(0);
        if (segments[at + 1] !== -1) expect(positions[at + 1]).toBe(0);
      });
    }
  });
});

test("correctness 21: from a fresh adapter only B gets a gradient, and A moves after B has", async () => {
  const fresh = initialTrainables(model, { lora: { r: 4, alpha: 8 }, modelName: "tiny", seed: 5 });
  const { grads } = await (await stepperFor(8, unpacked, fresh)).window([unpacked], 1);
  for (const [name, grad] of grads) expect(grad.some((x) => x !== 0)).toBe(name.includes("lora_B"));
});

test("correctness 25: dropout masks are a function of seed, step, micro-batch and module, and change the gradient", async () => {
  const dropping = (seed: number) =>
    initialTrainables(model, { lora: { r: 4, alpha: 8, dropout: 0.5 }, modelName: "tiny", seed });
  const [first, again, other] = [dropping(5), dropping(5), dropping(6)].map((trained) =>
    trained.dropoutFeeds({ from: 0, count: 16 }, 3, 1),
  );
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
  expect(dropping(5).dropoutFeeds({ from: 0, count: 16 }, 4, 1)).not.toEqual(first);
  expect(dropping(5).dropoutFeeds({ from: 0, count: 16 }, 3, 0)).not.toEqual(first);
  const [q, k] = ["q_proj", "k_proj"].map((name) => first![`dropout.model.layers.0.self_attn.${name}`]);
  expect(q).not.toEqual(k);
  const stepper = await stepperFor(8, unpacked, dropping(5));
  const [one, two, oneAgain] = [
    await stepper.window([unpacked], 1),
    await stepper.window([unpacked], 2),
    await stepper.window([unpacked], 1),
  ];
  expect(oneAgain.grads).toEqual(one.grads);
  expect(two.grads).not.toEqual(one.grads);
  expect(two.loss).toBe(one.loss);
});
