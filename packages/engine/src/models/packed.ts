/** Base weights that a model holds packed: which ones, and where they are among its weights. */
import type { PackedBits } from "../graph/ops.ts";
import { input, type Tensor, unpack } from "../graph/tensor.ts";
import type { Feeds } from "../onnx/session.ts";
import { blockLength, type PackedWeights, packRows, unpackRows } from "./quantize.ts";
import { type DecoderSpec, linearLayers } from "./spec.ts";

/** Scales lie beside their weights under this name. */
const scalesName = (name: string) => `${name}.scales`;

const suffix = ".weight";

/**
 * Rows and columns of each weight that is held packed: those of the blocks' linear layers whose inputs are a multiple of 32. Norms,
 * embeddings and the head stay exact, as they do with bitsandbytes: they are few, or rows of them are looked up.
 */
export function packedShapes(spec: DecoderSpec): Map<string, [rows: number, columns: number]> {
  if (spec.weightBits === undefined) return new Map();
  const fitting = [...linearLayers(spec)].filter(([, { inFeatures }]) => inFeatures % blockLength === 0);
  return new Map(fitting.map(([name, { outFeatures, inFeatures }]) => [name + suffix, [outFeatures, inFeatures]]));
}

/** A packed weight of `[rows, columns]` that is fed, as the matrix that it stands for. */
export function fedPacked(name: string, [rows, columns]: readonly [number, number], bits: PackedBits): Tensor {
  const packed = input(name, [rows, (columns * bits) / 8], "u8");
  return unpack(packed, input(scalesName(name), [rows, columns / blockLength]), bits);
}

/** Both arrays of a weight that is held packed. */
export function packedWeight(weights: Feeds, name: string): PackedWeights {
  return { packed: weights[name] as Uint8Array, scales: weights[scalesName(name)] as Float32Array };
}

/** A weight of rows of `width` numbers as it is held packed. */
export function packedFeeds(name: string, weight: Float32Array, width: number, bits: PackedBits): Feeds {
  const { packed, scales } = packRows(weight, width, bits);
  return { [name]: packed, [scalesName(name)]: scales };
}

/** Exact weights that are in memory at a time while a matrix is being packed. */
const readAtATime = 2 ** 21;

/** Packs a matrix that is read some rows at a time; the result is `packedFeeds`'. */
export async function readPacked(
  name: string,
  [rows, width]: readonly [number, number],
  bits: PackedBits,
  read: (part: { start: number; end: number }) => Promise<Float32Array>,
): Promise<Feeds> {
  const packed = new Uint8Array((rows * width * bits) / 8);
  const scales = new Float32Array((rows * width) / blockLength);
  const step = width * Math.max(1, Math.floor(readAtATime / width));
  for (let start = 0; start < rows * width; start += step) {
    const part = packRows(await read({ start, end: Math.min(start + step, rows * width) }), width, bits);
    packed.set(part.packed, (start * bits) / 8);
    scales.set(part.scales, start / blockLength);
  }
  return { [name]: packed, [scalesName(name)]: scales };
}

interface Model {
  spec: DecoderSpec;
  weights: Feeds;
}

/** The same model with every weight as plain numbers; a copy of those that were packed. */
export function denseModel(model: Model): Model {
  if (model.spec.weightBits === undefined) return model;
  const { weightBits: _, ...spec } = model.spec;
  const dense = [...packedShapes(model.spec).keys()].map((name) => [name, denseWeight(model, name)]);
  return { spec, weights: { ...model.weights, ...Object.fromEntries(dense) } };
}

/** A weight as plain numbers: the model's own array, or what its packed form stands for. */
export function denseWeight({ spec, weights }: Model, name: string): Float32Array {
  const shape = packedShapes(spec).get(name);
  if (shape === undefined) return weights[name] as Float32Array;
  return unpackRows(packedWeight(weights, name), shape[1], spec.weightBits!);
}
