/** A decoder-only transformer as data. `llama.ts`, `qwen.ts`, … make one from a config.json; `decoder.ts` builds it. */
import type { PackedBits } from "../graph/ops.ts";

/** Rotary embedding: frequency i of `dim / 2` is theta^(−2i/dim), then scaled. */
export interface RopeSpec {
  theta: number;
  /** Rotated elements of each head, the first ones. */
  dim: number;
  scaling: RopeScaling;
}

export type RopeScaling =
  | { type: "none" }
  | { type: "linear"; factor: number }
  /** Llama 3.1's: long wavelengths are stretched by `factor`, short ones kept, with a smooth passage between. */
  | { type: "llama3"; factor: number; lowFreqFactor: number; highFreqFactor: number; originalMaxPositions: number }
  /** Each frequency divided by its own factor: `longFactors` in sequences of more than `originalMaxPositions` tokens. */
  | {
      type: "longrope";
      shortFactors: readonly number[];
      longFactors: readonly number[];
      originalMaxPositions: number;
      /** Cosines and sines are multiplied by it. */
      attentionFactor: number;
    }
  /** Divided by `factor`; from number `pairs` on nothing turns. */
  | { type: "proportional"; factor: number; pairs: number };

/** The function inside the gated MLP. */
export type Activation = "silu" | "geluTanh";

/** What may differ between the layers of one model. */
export interface LayerSpec {
  kvHeads: number;
  headDim: number;
  intermediateSize: number;
  /** Index into `ropes`; null = positions are not encoded. */
  rope: number | null;
  /** How many tokens a token sees, itself included; null = all before it. */
  window: number | null;
  /** The earlier layer whose keys and values it looks at; null = its own. */
  keysOf: number | null;
  /** There is no v projection: values are what the k projection gives. */
  valuesFromKeys: boolean;
}

/** What the parts of a block are called in model.safetensors, below `<prefix>layers.N.`. */
export interface ParameterNames {
  /** Begins every name but the head's. */
  prefix: string;
  /** What stands in its place in files of older versions of transformers. */
  olderPrefixes: readonly string[];
  /** The linear layers of q, k and v, or the one that computes all three. */
  qkv: readonly string[];
  /** Of the attention's output. */
  output: string;
  /** The MLP's gate and its factor, or the one layer that computes both. */
  gateUp: readonly string[];
  down: string;
  /** RMS norms before and after each half of the block; null = there is none. */
  preAttention: string;
  postAttention: string | null;
  preMlp: string;
  postMlp: string | null;
}

export interface DecoderSpec {
  /** `model_type` of config.json. */
  family: string;
  vocabSize: number;
  hiddenSize: number;
  heads: number;
  layers: readonly LayerSpec[];
  ropes: readonly RopeSpec[];
  names: ParameterNames;
  /** Longest sequence the model was made for, in tokens. */
  maxPositions: number;
  normEpsilon: number;
  /** Added to the weights of all norms. */
  normOffset: number;
  /** RMS norm of each query and key head before the rotation. */
  qkNorm: boolean;
  /** RMS norm, without weights, of each value head. */
  valueNorm: boolean;
  /** Bias on q, k and v. */
  qkvBias: boolean;
  /** Bias on the attention's output. */
  outputBias: boolean;
  mlpBias: boolean;
  /** The head is the embedding matrix. */
  tiedHead: boolean;
  activation: Activation;
  /** Factor of the embeddings. */
  embeddingScale: number;
  /** Factor of q·k. */
  attentionScale: number;
  /** Factor of what each half of a block adds to its input. */
  residualScale: number;
  /** Factor of the logits. */
  logitScale: number;
  /** Scores x become cap·tanh(x / cap); null = they stay. */
  attentionSoftCap: number | null;
  logitSoftCap: number | null;
  /** The blocks' linear weights are held in so many bits, see `packed.ts`; absent = in f32. Not the model's own: its owner's choice. */
  weightBits?: PackedBits;
  /** Each block's result is multiplied by a number of its own, `layer_scalar`. */
  layerScale: boolean;
  /** Gemma 4's second embedding of each token, a slice of `size` for each layer; null = there is none. */
  perLayerInput: { size: number; vocabSize: number } | null;
}

/** One linear layer of a block, by its name below `<prefix>layers.N.`. */
export interface LinearSpec {
  name: string;
  inFeatures: number;
  outFeatures: number;
  bias: boolean;
  /** Factor of the whole output. */
  scale: number;
}

/** The linear layers of one block by what they do. */
export interface BlockLinears {
  qkv: LinearSpec[];
  output: LinearSpec;
  gateUp: LinearSpec[];
  down: LinearSpec;
  /** Into and out of the per-layer input's space. */
  perLayer: { gate: LinearSpec; projection: LinearSpec } | null;
}

/** Widths of the parts that the q, k and v projections of a layer give: q alone where keys are another layer's. */
export function qkvSizes({ heads, layers }: DecoderSpec, layer: number): number[] {
  const { kvHeads, headDim, keysOf, valuesFromKeys } = layers[layer]!;
  const kv = kvHeads * headDim;
  const own = valuesFromKeys ? [kv] : [kv, kv];
  return [heads * headDim, ...(keysOf === null ? own : [])];
}

export function blockLinears(spec: DecoderSpec, layer: number): BlockLinears {
  const { hiddenSize, names, residualScale: scale, perLayerInput } = spec;
  const { headDim, intermediateSize } = spec.layers[layer]!;
  return {
    qkv: projections(names.qkv, hiddenSize, qkvSizes(spec, layer), spec.qkvBias),
    output: linear(names.output, spec.heads * headDim, hiddenSize, { bias: spec.outputBias, scale }),
    gateUp: projections(names.gateUp, hiddenSize, [intermediateSize, intermediateSize], spec.mlpBias),
    down: linear(names.down, intermediateSize, hiddenSize, { bias: spec.mlpBias, scale }),
    perLayer: perLayerInput && {
      gate: linear("per_layer_input_gate", hiddenSize, perLayerInput.size),
      projection: linear("per_layer_projection", perLayerInput.size, hiddenSize),
    },
  };
}

function linear(name: string, inFeatures: number, outFeatures: number, { bias = false, scale = 1 } = {}): LinearSpec {
  return { name, inFeatures, outFeatures, bias, scale };
}

function projections(names: readonly string[], inFeatures: number, sizes: number[], bias: boolean): LinearSpec[] {
  const [first] = names as [string];
  if (names.length > 1) return sizes.map((size, i) => linear(names[i]!, inFeatures, size, { bias }));
  const all = sizes.reduce((sum, size) => sum + size, 0);
  return [linear(first, inFeatures, all, { bias })];
}

/** The linear layers of one block in the order in which they are applied. */
export function linearsInOrder(spec: DecoderSpec, layer: number): LinearSpec[] {
  const { qkv, output, gateUp, down, perLayer } = blockLinears(spec, layer);
  return [...qkv, output, ...gateUp, down, ...(perLayer === null ? [] : [perLayer.gate, perLayer.projection])];
}

/** Every linear layer of every block by its full name. */
export function linearLayers(spec: DecoderSpec): Map<string, LinearSpec> {
  const ofLayer = (layer: number) =>
    linearsInOrder(spec, layer).map((linear) => [blockName(spec, layer, linear.name), linear] as const);
  return new Map(spec.layers.flatMap((_, layer) => ofLayer(layer)));
}

/** The layers that have keys and values of their own, in order: those that a cache keeps. */
export const cachedLayers = ({ layers }: DecoderSpec): LayerSpec[] => layers.filter(({ keysOf }) => keysOf === null);

/** `model.layers.N.` + a block's own name. */
export const blockName = ({ names }: DecoderSpec, layer: number, name: string) =>
  `${names.prefix}layers.${layer}.${name}`;

/** The name of the matrix that turns hidden states into logits. */
export const headName = ({ tiedHead, names }: DecoderSpec) =>
  tiedHead ? `${names.prefix}embed_tokens.weight` : "lm_head.weight";
