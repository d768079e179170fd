/** Rounds weights to 8 or 4 bits, 32 to a block with one scale, in the forms of the `dequantize` and `unpack` operations. */
import type { PackedBits } from "../graph/ops.ts";

/** Weights that share a scale. */
export const blockLength = 32;

export interface PackedWeights {
  packed: Uint8Array;
  /** `[out, in / 32]`. */
  scales: Float32Array;
}

/**
 * Weights `[out, in]`, `in` a multiple of 32, for `dequantize`: `packed` is `[out, in / 32, 4 · bits]`. In each block the number farthest
 * from zero is met exactly, by the lowest step (there is one more below zero than above); the others are rounded to the nearest step.
 */
export function quantize(weights: Float32Array, bits: PackedBits): PackedWeights {
  const packed = new Uint8Array((weights.length * bits) / 8);
  const scales = new Float32Array(weights.length / blockLength);
  if (bits === 8) round(weights, bits, scales, packed);
  else {
    const steps = new Uint8Array(weights.length);
    round(weights, bits, scales, steps);
    for (let i = 0; i < packed.length; i++) packed[i] = steps[2 * i]! | (steps[2 * i + 1]! << 4);
  }
  return { packed, scales };
}

/** The same numbers for `unpack`: `packed` is `[out, in · bits / 8]`, with rows of `width` weights. */
export function packRows(weights: Float32Array, width: number, bits: PackedBits): PackedWeights {
  const scales = new Float32Array(weights.length / blockLength);
  const steps = new Uint8Array(weights.length);
  round(weights, bits, scales, steps);
  return { packed: bits === 8 ? steps : joinHalves(steps, width), scales };
}

function joinHalves(steps: Uint8Array, width: number): Uint8Array {
  const half = width / 2;
  const packed = new Uint8Array(steps.length / 2);
  for (let row = 0; row < steps.length / width; row++) {
    const [from, to] = [row * width, row * half];
    for (let i = 0; i < half; i++) packed[to + i] = steps[from + i]! | (steps[from + half + i]! << 4);
  }
  return packed;
}

/** Writes a step for each weight, and a scale for each block. */
function round(weights: Float32Array, bits: PackedBits, scales: Float32Array, steps: Uint8Array): void {
  const [zero, highest] = [2 ** (bits - 1), 2 ** bits - 1];
  for (let block = 0; block < scales.length; block++) {
    const start = block * blockLength;
    const scale = Math.fround(farthest(weights, start) / -zero);
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = start; i < start + blockLength; i++)
      steps[i] = Math.min(highest, Math.max(0, Math.round(weights[i]! * inverse) + zero));
  }
}

function farthest(weights: Float32Array, start: number): number {
  let found = 0;
  for (let i = start; i < start + blockLength; i++) if (Math.abs(weights[i]!) > Math.abs(found)) found = weights[i]!;
  return found;
}

/** From the form of `unpack` to that of `dequantize`: two neighbours in a byte instead of two halves of a row. */
export function toNeighbours({ packed, scales }: PackedWeights, width: number, bits: PackedBits): PackedWeights {
  if (bits === 8) return { packed, scales };
  const half = width / 2;
  const neighbours = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at++) {
    const row = at - (at % half);
    const first = 2 * (at - row);
    const [low, high] = [first, first + 1].map((i) =>
      i < half ? packed[row + i]! & 15 : packed[row + i - half]! >> 4,
    ) as [number, number];
    neighbours[at] = low | (high << 4);
  }
  return { packed: neighbours, scales };
}

/** What `unpack` computes, with the same rounding: `scale · (q − 2^(bits − 1))`, `[out, in]`. */
export function unpackRows({ packed, scales }: PackedWeights, width: number, bits: PackedBits): Float32Array {
  const half = width / 2;
  const zero = 2 ** (bits - 1);
  const weights = new Float32Array(scales.length * blockLength);
  for (let i = 0; i < weights.length; i++) {
    const [row, column] = [Math.floor(i / width), i % width];
    const byte = packed[bits === 8 ? i : row * half + (column % half)]!;
    const q = bits === 8 ? byte : column < half ? byte & 15 : byte >> 4;
    weights[i] = scales[Math.floor(i / blockLength)]! * (q - zero);
  }
  return weights;
}
