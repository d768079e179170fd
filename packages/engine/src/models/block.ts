/** One block of the decoder: attention, MLP and what stands around them, as the spec's data says. */
import { add, constant, input, mul, rmsNorm, rope, slice, type Tensor } from "../graph/tensor.ts";
import {
  attention,
  geglu,
  headNorm,
  type KeysValues,
  keysValues,
  linear,
  loraLinear,
  swiglu,
  withPast,
} from "../nn.ts";
import { doraLinear } from "./dora.ts";
import type { Parameters } from "./parameters.ts";
import {
  type Activation,
  type BlockLinears,
  blockLinears,
  blockName,
  type DecoderSpec,
  type LayerSpec,
  type LinearSpec,
  qkvSizes,
} from "./spec.ts";

/** Size of one pass: `rows = batch · length` tokens, and how many earlier tokens each sequence may look back on. */
export interface PassShape {
  batch: number;
  length: number;
  /** Length of the key/value cache that is fed; 0 = none. */
  past: number;
  /** Compute blocks again in the backward pass instead of keeping what is inside them, see `recompute.ts`. Default false. */
  recompute?: boolean;
  /** See `AttentionShape`. */
  queryBlock?: number;
}

/** What the blocks of one pass share. */
export interface PassContext {
  spec: DecoderSpec;
  shape: PassShape;
  parameters: Parameters;
  /** Of each of the spec's ropes. */
  angles: { cos: Tensor; sin: Tensor }[];
  maskOf(window: number | null): Tensor;
}

/** What one block gets from outside besides its input. */
export interface BlockInputs {
  /** The keys and values it looks at, if they are another layer's. */
  shared: KeysValues | undefined;
  /** `[rows, perLayerInput.size]`. */
  perLayer: Tensor | undefined;
  /** How many layers before it have keys and values of their own. */
  cached: number;
}

export interface BlockResult {
  x: Tensor;
  /** Keys and values of this pass's tokens, if the layer has its own. */
  own: KeysValues | undefined;
  /** All that its queries looked at. */
  seen: KeysValues;
}

/** A pass's context and the block's own part of the spec. */
interface BlockContext extends PassContext {
  layer: LayerSpec;
  linears: BlockLinears;
  /** Widths of q, k and v. */
  sizes: number[];
  /** Full name of one of the block's parameters. */
  nameOf(name: string): string;
}

/** x `[rows, hiddenSize]` through block number `index`. */
export function block(pass: PassContext, index: number, x: Tensor, inputs: BlockInputs): BlockResult {
  const context = blockContext(pass, index);
  const { spec, parameters } = context;
  const { preAttention, postAttention, preMlp, postMlp } = spec.names;
  const { output, ...attended } = selfAttention(context, normed(context, preAttention, x), inputs);
  const middle = add(x, normed(context, postAttention, output));
  const fed = add(middle, normed(context, postMlp, mlp(context, normed(context, preMlp, middle))));
  const y = inputs.perLayer === undefined ? fed : withPerLayerInput(context, fed, inputs.perLayer);
  return { ...attended, x: spec.layerScale ? mul(y, parameters.weight(context.nameOf("layer_scalar"))) : y };
}

function blockContext(pass: PassContext, index: number): BlockContext {
  const { spec } = pass;
  const nameOf = (name: string) => blockName(spec, index, name);
  return {
    ...pass,
    layer: spec.layers[index]!,
    linears: blockLinears(spec, index),
    sizes: qkvSizes(spec, index),
    nameOf,
  };
}

/** A norm's weights as they are multiplied with. */
const normWeight = ({ normOffset }: DecoderSpec, weight: Tensor) =>
  normOffset === 0 ? weight : add(weight, normOffset);

export function rmsNormed(spec: DecoderSpec, weight: Tensor, x: Tensor): Tensor {
  return rmsNorm(x, normWeight(spec, weight), spec.normEpsilon);
}

function normed({ spec, parameters, nameOf }: BlockContext, name: string | null, x: Tensor): Tensor {
  return name === null ? x : rmsNormed(spec, parameters.weight(nameOf(`${name}.weight`)), x);
}

function selfAttention(context: BlockContext, x: Tensor, { shared, cached }: BlockInputs) {
  const { spec, shape, layer, linears, sizes } = context;
  const [q, k, v] = projectParts(context, linears.qkv, sizes, x) as [Tensor, Tensor?, Tensor?];
  const { kvHeads, headDim, window } = layer;
  const form = {
    ...shape,
    heads: spec.heads,
    kvHeads,
    headDim,
    scale: spec.attentionScale,
    softCap: spec.attentionSoftCap,
  };
  const own =
    k === undefined
      ? undefined
      : keysValues(rotated(context, "k_norm", k, kvHeads), valueNormed(context, v ?? k), form);
  const seen = own === undefined ? shared! : withCache(context, own, cached);
  const mixed = attention(rotated(context, "q_norm", q, spec.heads), seen, context.maskOf(window), form);
  return { output: project(context, linears.output, mixed), own, seen };
}

/** Heads with their norm, turned by their positions. */
function rotated({ spec, parameters, angles, layer, nameOf }: BlockContext, norm: string, x: Tensor, heads: number) {
  const weight = spec.qkNorm ? parameters.weight(nameOf(`self_attn.${norm}.weight`)) : undefined;
  const y = weight === undefined ? x : headNorm(x, normWeight(spec, weight), spec.normEpsilon);
  return layer.rope === null ? y : rope(y, angles[layer.rope]!.cos, angles[layer.rope]!.sin, heads);
}

function valueNormed({ spec, layer: { headDim } }: BlockContext, x: Tensor): Tensor {
  if (!spec.valueNorm) return x;
  return headNorm(x, constant(new Float32Array(headDim).fill(1), [headDim]), spec.normEpsilon);
}

function withCache({ shape, layer }: BlockContext, own: KeysValues, cached: number): KeysValues {
  if (shape.past === 0) return own;
  const past = (name: string) =>
    input(`past.${cached}.${name}`, [shape.batch, layer.kvHeads, shape.past, layer.headDim]);
  return withPast({ keys: past("keys"), values: past("values") }, own);
}

const gated: Record<Activation, (gate: Tensor, up: Tensor) => Tensor> = { silu: swiglu, geluTanh: geglu };

function mlp(context: BlockContext, x: Tensor): Tensor {
  const { spec, layer, linears } = context;
  const sizes = [layer.intermediateSize, layer.intermediateSize];
  const [gate, up] = projectParts(context, linears.gateUp, sizes, x) as [Tensor, Tensor];
  return project(context, linears.down, gated[spec.activation](gate, up));
}

/** x + norm(out(act(gate(x)) · perLayer)). */
function withPerLayerInput(context: BlockContext, x: Tensor, perLayer: Tensor): Tensor {
  const { gate, projection } = context.linears.perLayer!;
  const chosen = gated[context.spec.activation](project(context, gate, x), perLayer);
  return add(x, normed(context, "post_per_layer_input_norm", project(context, projection, chosen)));
}

/** The results of several linear layers, or slices of these `sizes` of the one that stands for them all. */
function projectParts(
  context: BlockContext,
  linears: readonly LinearSpec[],
  sizes: readonly number[],
  x: Tensor,
): Tensor[] {
  const whole = linears.map((linear) => project(context, linear, x));
  if (whole.length === sizes.length) return whole;
  let end = 0;
  return sizes.map((size) => {
    end += size;
    return slice(whole[0]!, 1, end - size, end);
  });
}

/** A linear layer with its bias and its adapter. */
function project({ parameters, nameOf }: BlockContext, { name, scale }: LinearSpec, x: Tensor): Tensor {
  const full = nameOf(name);
  const [weight, adapter, options] = [
    parameters.weight(`${full}.weight`),
    parameters.lora(full),
    { bias: parameters.bias(full), scale },
  ];
  if (adapter === undefined) return linear(x, weight, options);
  const { magnitude } = adapter;
  return magnitude === undefined
    ? loraLinear(x, weight, adapter, options)
    : doraLinear(x, weight, { ...adapter, magnitude }, options);
}
