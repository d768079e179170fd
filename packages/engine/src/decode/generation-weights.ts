/** The precision of the weights that answers are computed with. Training always sees the exact ones. */
import type { BaseModel } from "../base-model.ts";
import type { PackedBits } from "../graph/ops.ts";
import { constant, dequantize, type Tensor } from "../graph/tensor.ts";
import { fedParameters } from "../models/parameters.ts";
import { blockLength, quantize } from "../models/quantize.ts";
import { type DecoderSpec, headName, linearLayers } from "../models/spec.ts";
import { EngineError } from "../util.ts";
import type { PassWeights } from "./decode-graph.ts";

/** `f32`: the model's own. `int8`, `int4`: the blocks' linear layers and the head, packed in blocks of 32. */
export type WeightFormat = "f32" | "int8" | "int4";

const bitsOf: { [F in WeightFormat]: PackedBits | null } = { f32: null, int8: 8, int4: 4 };

/** Bytes that one compiled graph can hold. */
const mostBytes = 2 ** 31 - 2 ** 24;

/** Weights from which reading them, not everything around it, takes a token's time. */
const manyWeights = 100e6;

/** Threads hinder each other where a layer is a few microseconds of work. */
const fewWeights = 10e6;

/** Weights of the blocks' linear layers and the head. */
export function linearWeights(spec: DecoderSpec): number {
  const blocks = [...linearLayers(spec).values()].map(({ inFeatures, outFeatures }) => inFeatures * outFeatures);
  return blocks.reduce((sum, size) => sum + size, spec.vocabSize * spec.hiddenSize);
}

/** Exact for small models, 8 bits from 100 million weights on, 4 where 8 do not fit into one graph. */
export function defaultWeights(spec: DecoderSpec): WeightFormat {
  if (linearWeights(spec) < manyWeights) return "f32";
  return packedBytes(spec, 8) <= mostBytes ? "int8" : "int4";
}

/** Threads that decode this model fastest; undefined = as many as cores. */
export function defaultThreads(spec: DecoderSpec): number | undefined {
  return linearWeights(spec) < fewWeights ? 1 : undefined;
}

const packedBytes = (spec: DecoderSpec, bits: PackedBits) => linearWeights(spec) * (bits / 8 + 4 / blockLength);

/**
 * The packed weights as constants of a graph, packed when they are asked for the first time. Layers whose inputs are no multiple of 32
 * stay as they are. Throws `not_supported` for a model that is too large for one graph.
 */
export function createPassWeights(
  { spec, weights }: Pick<BaseModel, "spec" | "weights">,
  format: WeightFormat,
): () => Partial<PassWeights> {
  const bits = bitsOf[format];
  if (bits === null) return () => ({});
  if (packedBytes(spec, bits) > mostBytes) throw tooLarge(spec, format, bits);
  const known = new Map<string, Tensor>();
  const pack = (name: string, [rows, columns]: readonly [number, number]): Tensor => {
    const found = known.get(name) ?? toTensor(weights[name] as Float32Array, [rows, columns], bits);
    known.set(name, found);
    return found;
  };
  const layers = linearLayers(spec);
  const { weight: fed } = fedParameters(spec);
  const fits = (width: number) => width % blockLength === 0;
  return () => ({
    blocks(name) {
      const layer = name.endsWith(".weight") ? layers.get(name.slice(0, -".weight".length)) : undefined;
      return layer && fits(layer.inFeatures) ? pack(name, [layer.outFeatures, layer.inFeatures]) : fed(name);
    },
    head(name) {
      const isHead = name === headName(spec) && fits(spec.hiddenSize);
      return isHead ? pack(name, [spec.vocabSize, spec.hiddenSize]) : fed(name);
    },
  });
}

function toTensor(weights: Float32Array, [rows, columns]: readonly [number, number], bits: PackedBits): Tensor {
  const { packed, scales } = quantize(weights, bits);
  const blocks = columns / blockLength;
  return dequantize(constant(packed, [rows, blocks, 4 * bits]), constant(scales, [rows, blocks]), bits);
}

function tooLarge(spec: DecoderSpec, format: WeightFormat, bits: PackedBits): EngineError {
  const [found, most] = [packedBytes(spec, bits), mostBytes].map((bytes) => (bytes / 2 ** 30).toFixed(1));
  return new EngineError(
    "not_supported",
    `This model's weights take ${found} GiB as ${format}; ${most} fit into one graph.`,
    {
      param: "weights",
      hint: bits === 8 ? 'Use "int4" or "f32".' : 'Use "f32".',
    },
  );
}
