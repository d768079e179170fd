/** The parameters of a model: their names, their shapes, and where files keep them. */
import { input, type Tensor } from "../graph/tensor.ts";
import type { AdapterInputs } from "./dora.ts";
import { fedPacked, packedShapes } from "./packed.ts";
import { blockName, type DecoderSpec, headName, linearsInOrder } from "./spec.ts";

/** Every parameter of the model and its shape, by the name that transformers gives it. */
export function parameterShapes(spec: DecoderSpec): Map<string, number[]> {
  const { hiddenSize, vocabSize, names } = spec;
  const shapes = new Map<string, number[]>([[`${names.prefix}embed_tokens.weight`, [vocabSize, hiddenSize]]]);
  for (const layer of spec.layers.keys()) {
    const set = (name: string, shape: number[]) => shapes.set(blockName(spec, layer, name), shape);
    for (const [name, shape] of blockVectors(spec, layer)) set(name, shape);
    for (const { name, inFeatures, outFeatures, bias } of linearsInOrder(spec, layer)) {
      set(`${name}.weight`, [outFeatures, inFeatures]);
      if (bias) set(`${name}.bias`, [outFeatures]);
    }
  }
  for (const [name, shape] of perLayerShapes(spec)) shapes.set(`${names.prefix}${name}`, shape);
  shapes.set(`${names.prefix}norm.weight`, [hiddenSize]);
  shapes.set(headName(spec), [vocabSize, hiddenSize]);
  return shapes;
}

/** The parameters that full fine-tuning changes: all but the blocks' factors, which are constants to transformers too. */
export const trainedNames = (spec: DecoderSpec): string[] =>
  [...parameterShapes(spec).keys()].filter((name) => !name.endsWith(`.${blockFactor}`));

const blockFactor = "layer_scalar";

/** A block's norms and, where there is one, its factor. */
function blockVectors(spec: DecoderSpec, layer: number): [string, number[]][] {
  const { preAttention, postAttention, preMlp, postMlp } = spec.names;
  const { headDim, keysOf } = spec.layers[layer]!;
  const perLayer = spec.perLayerInput === null ? null : "post_per_layer_input_norm";
  const whole = [preAttention, postAttention, preMlp, postMlp, perLayer].filter((name) => name !== null);
  const heads = spec.qkNorm ? ["self_attn.q_norm", ...(keysOf === null ? ["self_attn.k_norm"] : [])] : [];
  return [
    ...whole.map((name): [string, number[]] => [`${name}.weight`, [spec.hiddenSize]]),
    ...heads.map((name): [string, number[]] => [`${name}.weight`, [headDim]]),
    ...(spec.layerScale ? [[blockFactor, [1]] as [string, number[]]] : []),
  ];
}

function perLayerShapes({ perLayerInput, layers, hiddenSize }: DecoderSpec): [string, number[]][] {
  if (perLayerInput === null) return [];
  const { size, vocabSize } = perLayerInput;
  return [
    ["embed_tokens_per_layer.weight", [vocabSize, layers.length * size]],
    ["per_layer_model_projection.weight", [layers.length * size, hiddenSize]],
    ["per_layer_projection_norm.weight", [size]],
  ];
}

/** The name under which a file with the tensors `stored` keeps a parameter; the parameter's own when it has none of them. */
export function storedName({ names }: DecoderSpec, name: string, stored: ReadonlySet<string>): string {
  if (stored.has(name) || !name.startsWith(names.prefix)) return name;
  const rest = name.slice(names.prefix.length);
  return names.olderPrefixes.map((prefix) => prefix + rest).find((older) => stored.has(older)) ?? name;
}

/** Where a pass finds its parameters. */
export interface Parameters {
  /** A parameter by its name in `parameterShapes`. */
  weight(name: string): Tensor;
  /** The bias of a linear layer, if it has one. */
  bias(name: string): Tensor | undefined;
  /** The adapter of a linear layer (`model.layers.0.self_attn.q_proj`), if it has one. */
  lora(name: string): AdapterInputs | undefined;
  /** Those that a pass is differentiated by. Default: none. */
  trained?: readonly Tensor[];
}

/** Parameters that are fed at each run, under their own names; packed ones with their scales, see `packed.ts`. */
export function fedParameters(spec: DecoderSpec, lora: Parameters["lora"] = () => undefined): Parameters {
  const packed = packedShapes(spec);
  const fed = (name: string, shape: number[]) => {
    const matrix = packed.get(name);
    return matrix === undefined ? input(name, shape) : fedPacked(name, matrix, spec.weightBits!);
  };
  const inputs = new Map([...parameterShapes(spec)].map(([name, shape]) => [name, fed(name, shape)]));
  return { weight: (name) => inputs.get(name)!, bias: (name) => inputs.get(`${name}.bias`), lora };
}
