/** Floating-point operations that training a model takes, by the usual convention: recomputation and padding do not count. */
import { range } from "../util.ts";
import { blockName, type DecoderSpec, linearLayers, linearsInOrder } from "./spec.ts";

export interface FlopsOptions {
  /** Parameters of the adapters; null for full fine-tuning. */
  loraParameters: number | null;
  /** Share of the layers that the backward pass goes through, 0..1: from the first that is trained. Default 1. */
  backwardShare?: number;
  /** Share of tokens that the head and the loss are computed for, 0..1. */
  supervisedShare: number;
  /** Tokens of the sequence that a token lies in. */
  length: number;
}

/** Weights of the blocks' linear layers. */
export function linearWeights(spec: DecoderSpec): number {
  return linearLayers(spec)
    .values()
    .reduce((total, { inFeatures, outFeatures }) => total + inFeatures * outFeatures, 0);
}

/** Tokens that a token sees on average, in a sequence of `length`. */
function seenTokens(window: number | null, length: number): number {
  return window === null || window >= length ? length / 2 : window - window ** 2 / (2 * length);
}

/**
 * FLOPs a token, forward and backward. N = linear weights, V·d = head, q = supervised share, P = adapter parameters:
 * LoRA 4N + 4·q·V·d + 6P, full fine-tuning 6N + 6·q·V·d, each plus attention 12·H·dh·(tokens seen) a layer. With a backward pass
 * through a share s of the layers, 2 + 2s takes the place of 4 before N, and 4 + 8s that of 12.
 */
export function trainingFlopsPerToken(
  spec: DecoderSpec,
  { loraParameters, backwardShare = 1, supervisedShare, length }: FlopsOptions,
): number {
  const head = supervisedShare * spec.vocabSize * spec.hiddenSize;
  const attention = spec.layers.reduce(
    (sum, { headDim, window }) => sum + (4 + 8 * backwardShare) * spec.heads * headDim * seenTokens(window, length),
    0,
  );
  const weights = linearWeights(spec);
  if (loraParameters === null) return attention + 6 * (weights + head);
  return attention + (2 + 2 * backwardShare) * weights + 4 * head + 6 * loraParameters;
}

/** The first block with an adapter, by the full names of adapted layers; the number of blocks when there is none. */
export function firstAdapted(spec: DecoderSpec, adapted: ReadonlyMap<string, unknown>): number {
  const count = spec.layers.length;
  const isAdapted = (layer: number) =>
    linearsInOrder(spec, layer).some(({ name }) => adapted.has(blockName(spec, layer, name)));
  return range(count).find(isAdapted) ?? count;
}

/** The `backwardShare` of adapters on the layers with these full names. */
export function backwardShareOf(spec: DecoderSpec, adapted: ReadonlyMap<string, unknown>): number {
  const count = spec.layers.length;
  return (count - firstAdapted(spec, adapted)) / count;
}
