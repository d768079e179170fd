import { describe, expect, onTestFinished, test } from "vitest";
import { interpret } from "../graph/interpret.ts";
import { constant, dequantize, input, matmul } from "../graph/tensor.ts";
import { quantize } from "../models/quantize.ts";
import { linearLayers } from "../models/spec.ts";
import { createSession, type Feeds } from "../onnx/session.ts";
import { normals } from "../random.ts";
import { syntheticSpec } from "../testing/synthetic.ts";
import { range } from "../util.ts";
import { createDecodeSession, type DecodeOptions } from "./decode-session.ts";
import { defaultThreads, defaultWeights } from "./generation-weights.ts";
import { loudAdapter, loudModel, tinySpec } from "./testing-models.ts";

/** The slow, obvious twin: one block after the other, no packing. */
function slowlyRounded(weights: Float32Array, bits: number): number[] {
  const half = 2 ** (bits - 1);
  return range(weights.length / 32).flatMap((block) => {
    const own = [...weights.subarray(32 * block, 32 * block + 32)];
    const extreme = own.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    const step = Math.fround(-extreme / half);
    return own.map((w) => (step === 0 ? 0 : step * Math.min(half - 1, Math.round(w * (1 / step)))));
  });
}

function unpacked(weights: Float32Array, rows: number, bits: 4 | 8): number[] {
  const { packed, scales } = quantize(weights, bits);
  const blocks = weights.length / rows / 32;
  const graph = dequantize(constant(packed, [rows, blocks, 4 * bits]), constant(scales, [rows, blocks]), bits);
  return Array.from(interpret([graph], {})[0]!.data, withoutSign);
}

/** −0 is 0. */
const withoutSign = (x: number) => x + 0;

const random = (length: number, stream = 0) => {
  const data = new Float32Array(length);
  normals(data, { seed: 4, stream }, 0.05);
  return data;
};
const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  range(a.length).reduce((max, i) => Math.max(max, Math.abs(a[i]! - b[i]!)), 0);

describe.each([4, 8] as const)("%i bits", (bits) => {
  test("pack what the slow twin rounds", () => {
    const weights = random(6 * 96);
    expect(unpacked(weights, 6, bits)).toEqual(slowlyRounded(weights, bits).map(withoutSign));
  });

  test("are off by half a step of their own block at most, one where they are as far from zero as the farthest", () => {
    const weights = random(2 * 64);
    weights.set(random(32, 1).map((w) => w * 1000));
    const found = unpacked(weights, 2, bits);
    for (const block of range(4)) {
      const own = weights.subarray(32 * block, 32 * block + 32);
      const step = Math.max(...own.map(Math.abs)) / 2 ** (bits - 1);
      expect(distance(found.slice(32 * block, 32 * block + 32), own)).toBeLessThanOrEqual(step * 1.0001);
    }
  });

  test("keep zeros, and the farthest number of a block, exactly", () => {
    const weights = new Float32Array(64);
    weights[40] = -0.75;
    expect(unpacked(weights, 1, bits)).toEqual([...weights].map(withoutSign));
  });

  test("multiply like the weights that they stand for, up to the rounding of x to 8 bits", async () => {
    const [rows, n, k] = [5, 24, 96];
    const [x, weights] = [random(rows * k, 2), random(n * k, 3)];
    const { packed, scales } = quantize(weights, bits);
    const factor = dequantize(constant(packed, [n, k / 32, 4 * bits]), constant(scales, [n, k / 32]), bits);
    const session = await createSession({ y: matmul(input("x", [rows, k]), factor, { transB: true }) }, { threads: 1 });
    const { y } = await session.run({ x });
    await session.release();
    const exact = interpret([matmul(input("x", [rows, k]), input("w", [n, k]), { transB: true })], {
      x,
      w: slowlyRounded(weights, bits),
    })[0]!.data;
    const size = Math.sqrt(exact.reduce((sum, v) => sum + v * v, 0) / exact.length);
    expect(distance(y, exact) / size).toBeLessThan(0.03);
  });
});

describe("decoding with packed weights", () => {
  async function logitsOf(options: DecodeOptions, model = loudModel(), adapter?: ReturnType<typeof loudAdapter>) {
    const decoding = createDecodeSession(model, { threads: 1, ...options });
    onTestFinished(() => decoding.release());
    const sequence = decoding.start(adapter);
    return [await sequence.next(range(40)), await sequence.next([7])];
  }

  /** The same model with the rounded numbers as its weights. */
  function roundedModel(bits: 4 | 8) {
    const model = loudModel();
    const weights: Feeds = { ...model.weights };
    for (const name of linearLayers(tinySpec).keys())
      weights[`${name}.weight`] = Float32Array.from(slowlyRounded(weights[`${name}.weight`] as Float32Array, bits));
    return { ...model, weights };
  }

  test.each([
    ["int8", 8, 0.15],
    ["int4", 4, 0.6],
  ] as const)(
    "as %s gives about the logits of a model with rounded weights, with an adapter too",
    async (weights, bits, limit) => {
      for (const adapter of [undefined, loudAdapter(1)]) {
        const [found, rounded] = [
          await logitsOf({ weights }, loudModel(), adapter),
          await logitsOf({}, roundedModel(bits), adapter),
        ];
        const exact = await logitsOf({}, loudModel(), adapter);
        for (const i of [0, 1]) {
          const size = Math.sqrt(exact[i]!.reduce((sum, v) => sum + v * v, 0) / exact[i]!.length);
          expect(distance(found[i]!, rounded[i]!) / size).toBeLessThan(limit);
          expect(distance(found[i]!, exact[i]!)).toBeGreaterThan(0);
        }
      }
    },
  );

  test("is the default for models of 100 million weights and more; smaller ones stay exact, the smallest on one thread", () => {
    const small = syntheticSpec({});
    const large = syntheticSpec({ hiddenSize: 1024, intermediateSize: 3072, layers: 28, vocabSize: 150_000 });
    const larger = syntheticSpec({ hiddenSize: 3072, intermediateSize: 8192, layers: 28, vocabSize: 128_000 });
    expect([tinySpec, small, large, larger].map(defaultWeights)).toEqual(["f32", "f32", "int8", "int4"]);
    expect([tinySpec, small].map(defaultThreads)).toEqual([1, undefined]);
  });

  test("a model too large for one graph is refused with what would fit", () => {
    const spec = syntheticSpec({ hiddenSize: 3072, intermediateSize: 8192, layers: 28, vocabSize: 128_000 });
    expect(() => createDecodeSession({ spec, weights: {} }, { weights: "int8" })).toThrow(
      expect.objectContaining({ code: "not_supported", hint: expect.stringContaining('"int4"') }),
    );
  });
});
