/** Random models and random rows: for tests and for measuring speed, where only shapes matter. */
import type { PackedRow } from "../data/pack.ts";
import { llamaLike, type Sizes } from "../models/llama-like.ts";
import { packedFeeds, packedShapes } from "../models/packed.ts";
import { parameterShapes } from "../models/parameters.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { Feeds } from "../onnx/session.ts";
import { createRandom, hashString, normals } from "../random.ts";
import type { TrainableModel } from "../training/trainables.ts";
import { range, sizeOf } from "../util.ts";

const seed = 1;

/** A Llama-like model with these sizes; `differing` is what else is not Llama's. */
export function syntheticSpec(
  sizes: Partial<Sizes>,
  differing: Partial<Omit<DecoderSpec, keyof Sizes>> = {},
): DecoderSpec {
  const all: Sizes = {
    family: "llama",
    maxPositions: 4096,
    normEpsilon: 1e-5,
    hiddenSize: 512,
    heads: 8,
    kvHeads: 4,
    intermediateSize: 1536,
    layers: 8,
    vocabSize: 8192,
    headDim: 64,
    ...sizes,
  };
  return { ...llamaLike(all, { theta: 10_000, dim: all.headDim, scaling: { type: "none" } }), ...differing };
}

/** Norm weights are 1, matrices normal with standard deviation 0.02. */
export function syntheticModel(spec: DecoderSpec): TrainableModel {
  const weights: Feeds = {};
  const packed = packedShapes(spec);
  for (const [name, shape] of parameterShapes(spec)) {
    const data = new Float32Array(sizeOf(shape));
    if (shape.length === 1) data.fill(1);
    else normals(data, { seed, stream: hashString(name) }, 0.02);
    Object.assign(weights, packed.has(name) ? packedFeeds(name, data, shape[1]!, spec.weightBits!) : { [name]: data });
  }
  return { dir: "", config: {}, spec, weights };
}

/** A full row of one document, of which every `1 / supervisedShare`-th token carries loss. */
export function syntheticRow(spec: DecoderSpec, length: number, supervisedShare: number, stream: number): PackedRow {
  const random = createRandom(seed, [stream]);
  const ids = Int32Array.from(range(length), () => Math.floor(random.next() * spec.vocabSize));
  const every = Math.round(1 / supervisedShare);
  return {
    ids,
    positions: Int32Array.from(range(length)),
    segments: new Int32Array(length),
    targets: Int32Array.from(range(length), (i) => ids[(i + 1) % length]!),
    weights: Float32Array.from(range(length), (i) => (i % every === 0 ? 1 : 0)),
    examples: 1,
  };
}
