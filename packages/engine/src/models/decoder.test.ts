import { expect, test } from "vitest";
import { decodeFeeds } from "../decode/decode-graph.ts";
import { createDecodeSession } from "../decode/decode-session.ts";
import { gradients } from "../graph/grad.ts";
import { interpret } from "../graph/interpret.ts";
import { input, mul, type Tensor, topologicalOrder } from "../graph/tensor.ts";
import { type AttentionShape, attention, keysValues, total } from "../nn.ts";
import { createSession, type Feeds } from "../onnx/session.ts";
import { normals } from "../random.ts";
import { syntheticModel, syntheticSpec } from "../testing/synthetic.ts";
import { initialTrainables } from "../training/trainables.ts";
import { range, sizeOf } from "../util.ts";
import type { LoraWeights } from "./adapter.ts";
import { decoder, logitsOf } from "./decoder.ts";
import { angleFeeds, maskFeeds } from "./inputs.ts";
import { llamaNames, withLayers } from "./llama-like.ts";
import { fedParameters, parameterShapes } from "./parameters.ts";
import { cachedLayers, type DecoderSpec } from "./spec.ts";

const tiny = { hiddenSize: 32, heads: 4, kvHeads: 2, headDim: 8, intermediateSize: 48, layers: 2, vocabSize: 50 };
const specs: Record<string, DecoderSpec> = {
  "tied head": syntheticSpec(tiny),
  "own head, q/k norm, biases": syntheticSpec(tiny, { tiedHead: false, qkNorm: true, qkvBias: true, mlpBias: true }),
};
/** Everything at once that a later family does otherwise than Llama. */
specs["windows, shared keys, soft caps, norms on both sides, per-layer inputs"] = withLayers(
  syntheticSpec(
    { ...tiny, layers: 4 },
    {
      names: { ...llamaNames, postAttention: "post_attention", preMlp: "pre_mlp", postMlp: "post_mlp" },
      ropes: [
        { theta: 10_000, dim: 12, scaling: { type: "proportional", factor: 2, pairs: 2 } },
        { theta: 100, dim: 8, scaling: { type: "none" } },
      ],
      qkNorm: true,
      valueNorm: true,
      normOffset: 1,
      activation: "geluTanh",
      embeddingScale: 3,
      attentionScale: 1,
      residualScale: 0.7,
      logitScale: 0.5,
      attentionSoftCap: 4,
      logitSoftCap: 5,
      layerScale: true,
      perLayerInput: { size: 6, vocabSize: 50 },
    },
  ),
  (layer) => ({
    ...(layer % 2 === 0 ? { window: 9, rope: 1 } : { headDim: 12, kvHeads: 1, valuesFromKeys: true }),
    keysOf: layer < 2 ? null : layer - 2,
  }),
);
specs["fused projections, a layer without positions, part of each head turned"] = withLayers(
  syntheticSpec(tiny, {
    names: { ...llamaNames, qkv: ["self_attn.qkv_proj"], gateUp: ["mlp.gate_up_proj"] },
    ropes: [{ theta: 100, dim: 4, scaling: { type: "none" } }],
  }),
  (layer) => ({ rope: layer === 0 ? 0 : null, window: layer === 0 ? null : 140 }),
);
const ids = range(150).map((i) => (i * 7 + 3) % 50);

/** Random numbers that are large enough to make mistakes visible. */
function loudModel(spec: DecoderSpec) {
  const model = syntheticModel(spec);
  for (const [i, data] of Object.values(model.weights).entries())
    normals(data as Float32Array, { seed: 3, stream: i }, 0.3);
  return model;
}

function adapterOf(spec: DecoderSpec, bStd: number): LoraWeights {
  const trained = initialTrainables(loudModel(spec), { lora: { r: 4, alpha: 8 }, modelName: "tiny", seed: 5 });
  const { adapter } = trained.toWeights() as { adapter: LoraWeights };
  if (bStd > 0)
    for (const [i, { b }] of [...adapter.modules.values()].entries()) normals(b, { seed: 9, stream: i }, bStd);
  return adapter;
}

/** Logits of every position from one pass without a cache. */
async function fullForward(spec: DecoderSpec, weights: Feeds, length = ids.length): Promise<Float32Array[]> {
  const parameters = fedParameters(spec);
  const { hidden } = decoder(spec, { batch: 1, length, past: 0 }, parameters);
  const session = await createSession({ logits: logitsOf(spec, hidden, parameters) });
  const mask = (window: number) =>
    Float32Array.from(range(length * length), (i) => {
      const back = Math.floor(i / length) - (i % length);
      return 0 <= back && back < window ? 0 : -1e9;
    });
  const { logits } = await session.run({
    ...weights,
    ids: Int32Array.from(ids.slice(0, length)),
    ...angleFeeds(spec, range(length), new Int32Array(length).fill(length)),
    ...maskFeeds(spec, mask),
  });
  await session.release();
  return range(length).map((i) => logits!.slice(i * spec.vocabSize, (i + 1) * spec.vocabSize));
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  range(a.length).reduce((max, i) => Math.max(max, Math.abs(a[i]! - b[i]!)), 0);

test.each(Object.entries(specs))("decoding with a cache gives the full forward's logits (%s)", async (_, spec) => {
  const model = loudModel(spec);
  const expected = await fullForward(spec, model.weights);
  const decoding = createDecodeSession(model, { threads: 1 });
  const sequence = decoding.start();
  // A long prompt in pieces, single tokens, several at once, across the cache's growth from 128 to 256 places.
  let seen = 0;
  for (const count of [1, 2, 100, 1, 1, 20, 5, 1, 19]) {
    const logits = await sequence.next(ids.slice(seen, seen + count));
    seen += count;
    expect(distance(logits, expected[seen - 1]!)).toBeLessThan(1e-4);
  }
  expect(seen).toBe(ids.length);
  await decoding.release();
});

test("a sequence that outgrows its short rotary factors is turned anew from its first token", async () => {
  const factors = (by: number) => range(4).map((i) => 1 + by * i);
  const spec = syntheticSpec(tiny, {
    ropes: [
      {
        theta: 100,
        dim: 8,
        scaling: {
          type: "longrope",
          shortFactors: factors(0.5),
          longFactors: factors(3),
          originalMaxPositions: 20,
          attentionFactor: 1.2,
        },
      },
    ],
  });
  const model = loudModel(spec);
  const decoding = createDecodeSession(model, { threads: 1 });
  const sequence = decoding.start();
  let seen = 0;
  for (const count of [18, 2, 1, 110]) {
    const logits = await sequence.next(ids.slice(seen, seen + count));
    seen += count;
    const expected = await fullForward(spec, model.weights, seen);
    expect(distance(logits, expected.at(-1)!)).toBeLessThan(1e-4);
  }
  const fromTheStart = await decoding.start().next(ids.slice(0, seen));
  expect(distance(fromTheStart, (await fullForward(spec, model.weights, seen)).at(-1)!)).toBeLessThan(1e-4);
  await decoding.release();
});

test("sequences of one session do not disturb each other", async () => {
  const model = loudModel(specs["tied head"]!);
  const decoding = createDecodeSession(model, { threads: 1 });
  const alone = decoding.start();
  const [first, second] = [await alone.next(ids.slice(0, 9)), await alone.next([4])];
  alone.release();
  const [a, b] = [decoding.start(), decoding.start()];
  const [fromA] = await Promise.all([a.next(ids.slice(0, 9)), b.next(ids.slice(30, 50))]);
  expect(distance(fromA, first)).toBe(0);
  expect(distance((await Promise.all([a.next([4]), b.next([7])]))[0], second)).toBeLessThan(1e-4);
  await decoding.release();
});

test("correctness 21: a fresh adapter's logits are the base's, bit for bit; a moved one's are not", async () => {
  const spec = specs["own head, q/k norm, biases"]!;
  const decoding = createDecodeSession(loudModel(spec), { threads: 1 });
  const base = await decoding.start().next(ids);
  expect(distance(await decoding.start(adapterOf(spec, 0)).next(ids), base)).toBe(0);
  expect(distance(await decoding.start(adapterOf(spec, 0.1)).next(ids), base)).toBeGreaterThan(0.01);
  await decoding.release();
});

test("an adapter of another model is refused by the name of its layer", async () => {
  const adapter = adapterOf(syntheticSpec({ ...tiny, hiddenSize: 40 }), 0);
  const decoding = createDecodeSession(loudModel(specs["tied head"]!));
  expect(() => decoding.start(adapter)).toThrow(
    /"model\.layers\.0\.self_attn\.q_proj" \(40 → 32\), the base model has a layer of 32 → 32/,
  );
});

test.each(Object.entries(specs))("the whole decoder: interpreter = ONNX Runtime (%s)", async (_, spec) => {
  const { weights } = loudModel(spec);
  const parameters = fedParameters(spec);
  const shape = { length: 5, past: 128 };
  const { hidden } = decoder(spec, { batch: 1, ...shape }, parameters);
  const cache = {
    batch: 1,
    lengths: [3],
    capacity: 128,
    layers: cachedLayers(spec).map(({ kvHeads, headDim }, layer) => {
      const make = (stream: number) => {
        const data = new Float32Array(kvHeads * 128 * headDim);
        normals(data, { seed: 2, stream }, 1);
        return data;
      };
      return { keys: make(2 * layer), values: make(2 * layer + 1) };
    }),
  };
  const feeds = { ...weights, ...decodeFeeds(spec, cache, [{ ids: ids.slice(0, 5), total: 8 }], 5) };
  const session = await createSession({ hidden });
  const fast = await session.run(feeds);
  await session.release();
  const slow = interpret([hidden], feeds)[0]!;
  expect(distance(fast.hidden, slow.data)).toBeLessThan(1e-4);
});

test("grouped-query attention is softmax(q·k)·v for each head, with keys shared by groups", () => {
  const [length, heads, kvHeads, headDim] = [3, 4, 2, 2];
  const make = (n: number, phase: number) => range(n).map((i) => Math.sin(i + phase));
  const [q, k, v] = [
    make(length * heads * headDim, 1),
    make(length * kvHeads * headDim, 2),
    make(length * kvHeads * headDim, 3),
  ];
  const mask = range(length * length).map((i) => (i % length <= Math.floor(i / length) ? 0 : -1e9));
  const shape = { batch: 1, length, heads, kvHeads, headDim, scale: 0.7 };
  const seen = keysValues(input("k", [3, 4]), input("v", [3, 4]), shape);
  const output = attention(input("q", [3, 8]), seen, input("mask", [1, 1, 1, 3, 3]), shape);
  const [result] = interpret([output], { q, k, v, mask });
  const expected = range(length * heads).flatMap((i) => {
    const [t, head] = [Math.floor(i / heads), i % heads];
    const kv = Math.floor(head / (heads / kvHeads));
    const weights = range(t + 1).map((s) =>
      Math.exp(
        0.7 *
          range(headDim).reduce(
            (sum, d) => sum + q[(t * heads + head) * headDim + d]! * k[(s * kvHeads + kv) * headDim + d]!,
            0,
          ),
      ),
    );
    const norm = weights.reduce((a, b) => a + b, 0);
    return range(headDim).map((d) =>
      weights.reduce((sum, w, s) => sum + (w / norm) * v[(s * kvHeads + kv) * headDim + d]!, 0),
    );
  });
  expect(distance(result!.data, expected)).toBeLessThan(1e-12);
});

test.each([2, 3, 4, 7])(
  "attention by blocks of %i queries is attention of all, and has its gradients",
  (queryBlock) => {
    const [batch, length, heads, kvHeads, headDim] = [2, 7, 4, 2, 2];
    const make = (n: number, phase: number) => range(n).map((i) => Math.sin(1.3 * i + phase));
    const shape = { batch, length, heads, kvHeads, headDim, scale: 0.7, softCap: 2 };
    const [q, k, v] = [
      input("q", [batch * length, heads * headDim]),
      input("k", [batch * length, kvHeads * headDim]),
      input("v", [batch * length, kvHeads * headDim]),
    ] as const;
    const mask = input("mask", [batch, 1, 1, length, length]);
    const feeds = {
      q: make(sizeOf(q.shape), 1),
      k: make(sizeOf(k.shape), 2),
      v: make(sizeOf(v.shape), 3),
      mask: range(batch * length * length).map((i) => (i % length <= Math.floor(i / length) % length ? 0 : -1e9)),
    };
    const computed = (sizes: AttentionShape) => {
      const output = attention(q, keysValues(k, v, shape), mask, sizes);
      const loss = total(mul(output, input("pull", output.shape)));
      const results = [output, ...gradients(loss, [q, k, v])];
      return interpret(results, { ...feeds, pull: make(sizeOf(output.shape), 4) });
    };
    const whole = computed(shape);
    for (const [i, { data }] of computed({ ...shape, queryBlock }).entries())
      expect(distance(data, whole[i]!.data)).toBeLessThan(1e-12);
  },
);

test.each(Object.entries(specs))(
  "every parameter of the spec is an input of the graph, and no other (%s)",
  (_, spec) => {
    const parameters = fedParameters(spec);
    const shape = { batch: 1, length: 3, past: 0 };
    const { hidden } = decoder(spec, shape, parameters);
    const inputs = topologicalOrder([logitsOf(spec, hidden, parameters)]).filter(({ op }) => op === "input");
    const names = inputs.map((tensor) => (tensor as Tensor<"input">).attrs.name);
    const fed = Object.keys({ ids, ...angleFeeds(spec, [0], [1]), ...maskFeeds(spec, () => new Float32Array()) });
    expect([...new Set(names)].sort()).toEqual([...parameterShapes(spec).keys(), ...fed].sort());
  },
);
