/** The training objective as a graph: a decoder pass, the loss on supervised tokens only, and its gradients. */
import { gradients } from "../graph/grad.ts";
import { gatherRows, input, mul, type Tensor } from "../graph/tensor.ts";
import { total } from "../nn.ts";
import { range } from "../util.ts";
import { chunkedCrossEntropy } from "./chunked-loss.ts";
import { decoder, logitsOf } from "./decoder.ts";
import type { AdapterInputs } from "./dora.ts";
import { fedParameters, trainedNames } from "./parameters.ts";
import { blockName, type DecoderSpec, linearLayers, linearsInOrder } from "./spec.ts";

/** Which linear layers get an adapter, and how it is applied. */
export interface LoraPlan {
  r: number;
  /** Factor of the adapter's output: alpha / r, or alpha / sqrt(r). */
  scale: number;
  /** Inputs `dropout.<module>` `[rows, inFeatures]` are expected when true. */
  dropout: boolean;
  /** Inputs `<module>.lora_magnitude_vector` `[outFeatures]` are expected when true, see `dora.ts`. */
  dora?: boolean;
  /** Full module names (`model.layers.0.self_attn.q_proj`) with their sizes. */
  modules: Map<string, { inFeatures: number; outFeatures: number }>;
}

/** Size of one micro-batch; `supervised` is how many positions the head and the loss are computed for. */
export interface BatchShape {
  batch: number;
  length: number;
  supervised: number;
  /** The first block that is computed; what comes in there is fed, see `decoder`. Default: 0. */
  firstBlock?: number;
  /** Compute blocks again in the backward pass instead of keeping what is inside them. Default: where weights are packed. */
  recompute?: boolean;
  /** Part of a micro-batch that did not fit into memory. Default false. */
  split?: boolean;
  /** The most bytes of logits that are computed at a time. Default: `defaultLogitsBytes`. */
  logitsBytes?: number;
}

const recomputes = (spec: DecoderSpec, { recompute = spec.weightBits !== undefined }: BatchShape): boolean => recompute;

/** Names of what a module's adapter is made of, as inputs of the graph. */
export const loraNames = (module: string) => ({
  a: `${module}.lora_A.weight`,
  b: `${module}.lora_B.weight`,
  magnitude: `${module}.lora_magnitude_vector`,
});

const lastPart = (name: string) => name.slice(name.lastIndexOf(".") + 1);

/** The names that `planLora` takes as targets, in the order in which the layers are applied. */
export const loraTargets = (spec: DecoderSpec): string[] => [...new Set([...linearLayers(spec).keys()].map(lastPart))];

/** Adapters on the linear layers of the blocks `layers` (default: all) whose last name is in `targets`. */
export function planLora(
  spec: DecoderSpec,
  targets: readonly string[],
  { layers = range(spec.layers.length), ...options }: Omit<LoraPlan, "modules"> & { layers?: readonly number[] },
): LoraPlan {
  const modules: LoraPlan["modules"] = new Map();
  for (const layer of layers) {
    for (const { name, inFeatures, outFeatures } of linearsInOrder(spec, layer))
      if (targets.includes(lastPart(name))) modules.set(blockName(spec, layer, name), { inFeatures, outFeatures });
  }
  return { ...options, modules };
}

/** The adapters' numbers as inputs of the graph. */
export function fedLora({ r, scale, dropout, dora, modules }: LoraPlan, rows: number): Map<string, AdapterInputs> {
  return new Map(
    [...modules].map(([name, { inFeatures, outFeatures }]) => {
      const { a, b, magnitude } = loraNames(name);
      const length = dora ? { magnitude: input(magnitude, [outFeatures]) } : {};
      const mask = dropout ? { dropout: input(`dropout.${name}`, [rows, inFeatures]) } : {};
      return [name, { a: input(a, [r, inFeatures]), b: input(b, [outFeatures, r]), scale, ...mask, ...length }];
    }),
  );
}

/** A quarter of a row, which leaves 5/8 of the scores; shorter blocks cost more in operations than they save in scores. */
export const queryBlockOf = (length: number): number => Math.max(shortestQueryBlock, Math.ceil(length / 4));
const shortestQueryBlock = 128;

/**
 * Besides the decoder's own inputs: `rows` `[supervised]` i32, the positions (within the micro-batch) whose next token is learnt;
 * `targets` `[supervised]` i32. Gives `nll` and `margin`, each `[supervised, 1]`, see `crossEntropy`, and what is `trained`.
 */
export function supervisedPass(
  spec: DecoderSpec,
  shape: BatchShape,
  plan: LoraPlan | null,
  { gradients = true }: { gradients?: boolean } = {},
) {
  const { batch, length, supervised, firstBlock } = shape;
  const lora = plan === null ? new Map<string, AdapterInputs>() : fedLora(plan, batch * length);
  const fed = fedParameters(spec, (name) => lora.get(name));
  const trained =
    plan === null
      ? trainedNames(spec).map(fed.weight)
      : [...lora.values()].flatMap(({ a, b, magnitude }) => (magnitude === undefined ? [a, b] : [a, b, magnitude]));
  const parameters = { ...fed, trained };
  const { hidden } = decoder(
    spec,
    { batch, length, past: 0, queryBlock: queryBlockOf(length), recompute: recomputes(spec, shape) },
    parameters,
    firstBlock,
  );
  const learnt = gatherRows(hidden, input("rows", [supervised], "i32"));
  const loss = chunkedCrossEntropy(learnt, input("targets", [supervised], "i32"), {
    logitsOf: (rows) => logitsOf(spec, rows, parameters),
    vocabSize: spec.vocabSize,
    logitsBytes: shape.logitsBytes,
    trained,
    gradients,
  });
  return { trained, ...loss };
}

/** `grad.<parameter>` of `loss` for each trained parameter: the adapters', or without a plan all. */
export function gradientsOf(loss: Tensor, { trained }: { trained: readonly Tensor[] }): Record<string, Tensor> {
  const grads = gradients(loss, trained);
  return Object.fromEntries(trained.map((x, i) => [`grad.${(x as Tensor<"input">).attrs.name}`, grads[i]!]));
}

export const withoutDropout = (plan: LoraPlan | null): LoraPlan | null => plan && { ...plan, dropout: false };

/** Outputs `nll`, `margin` and the gradients of Σ nll·weights; `weights` `[supervised, 1]` are fed. */
export function trainingGraph(spec: DecoderSpec, shape: BatchShape, plan: LoraPlan | null): Record<string, Tensor> {
  const { nll, margin, trained } = supervisedPass(spec, shape, plan);
  const loss = total(mul(nll, input("weights", [shape.supervised, 1])));
  return { nll, margin, ...gradientsOf(loss, { trained }) };
}

/** Outputs `nll` and `margin`: the same pass without gradients and without dropout. */
export function evaluationGraph(spec: DecoderSpec, shape: BatchShape, plan: LoraPlan | null): Record<string, Tensor> {
  const { nll, margin } = supervisedPass(spec, shape, withoutDropout(plan), { gradients: false });
  return { nll, margin };
}
