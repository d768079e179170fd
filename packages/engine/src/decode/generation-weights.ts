/**
 * The precision of the weights that answers are computed with. Training sees the model's own: exact ones, or those that it is held in.
 */
import type { BaseModel } from "../base-model.ts";
import type { PackedBits } from "../graph/ops.ts";
import { constant, dequantize, type Tensor } from "../graph/tensor.ts";
import { packedShapes, packedWeight } from "../models/packed.ts";
import { fedParameters } from "../models/parameters.ts";
import { blockLength, type PackedWeights, quantize, toNeighbours } from "../models/quantize.ts";
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

/** Those that the model is held in; of exact ones the small models' own, 8 bits from 100 million on, 4 where 8 do not fit into one graph. */
export function defaultWeights(spec: DecoderSpec): WeightFormat {
  if (spec.weightBits !== undefined) return `int${spec.weightBits}`;
  if (linearWeights(spec) < manyWeights) return "f32";
  return packedBytes(spec, 8) <= mostBytes ? "int8" : "int4";
}

/** Threads that decode this model fastest; undefined = as many as cores. */
export function defaultThreads(spec: DecoderSpec): number | undefined {
  return linearWeights(spec) < fewWeights ? 1 : undefined;
}

/** A model that is held packed has an exact head in training: with a small one answers do as well, with a large one they take 8 bits. */
function headBits(spec: DecoderSpec, bits: PackedBits): PackedBits | null {
  if (spec.weightBits === undefined) return bits;
  return linearWeights(spec) < manyWeights ? null : 8;
}

const packedBytes = (spec: DecoderSpec, bits: PackedBits) => linearWeights(spec) * (bits / 8 + 4 / blockLength);

/**
 * The packed weights as constants of a graph, packed when they are asked for the first time. A model that is held packed is answered from
 * the very weights that it is held in, whatever other packed `format` is asked. Layers whose inputs are no multiple of 32 stay as they are.
 * Throws `not_supported` for a model that is too large for one graph.
 */
export function createPassWeights(
  { spec, weights }: Pick<BaseModel, "spec" | "weights">,
  format: WeightFormat,
): () => Partial<PassWeights> {
  const asked = bitsOf[format];
  if (asked === null) return () => ({});
  const bits = spec.weightBits ?? asked;
  if (packedBytes(spec, bits) > mostBytes) throw tooLarge(spec, format, bits);
  const known = new Map<string, Tensor>();
  const held = packedShapes(spec);
  const once = (name: string, make: () => Tensor): Tensor => {
    const found = known.get(name) ?? make();
    known.set(name, found);
    return found;
  };
  const packedOf = (name: string, width: number, to: PackedBits) =>
    held.has(name) ? toNeighbours(packedWeight(weights, name), width, to) : quantize(weights[name] as Float32Array, to);
  const pack = (name: string, shape: readonly [number, number], to: PackedBits) =>
    once(name, () => toTensor(packedOf(name, shape[1], to), shape, to));
  const forHead = headBits(spec, bits);
  const layers = linearLayers(spec);
  const { weight: fed } = fedParameters(spec);
  const fits = (width: number) => width % blockLength === 0;
  return () => ({
    blocks(name) {
      const layer = name.endsWith(".weight") ? layers.get(name.slice(0, -".weight".length)) : undefined;
      return layer && fits(layer.inFeatures) ? pack(name, [layer.outFeatures, layer.inFeatures], bits) : fed(name);
    },
    head(name) {
      const isHead = name === headName(spec) && fits(spec.hiddenSize);
      return isHead && forHead !== null ? pack(name, [spec.vocabSize, spec.hiddenSize], forHead) : fed(name);
    },
  });
}

function toTensor({ packed, scales }: PackedWeights, [rows, columns]: readonly [number, number], bits: PackedBits) {
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
