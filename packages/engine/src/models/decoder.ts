/** The one decoder: a `DecoderSpec` becomes a graph. No family is named here. */
import { add, gatherRows, input, matmul, mul, slice, type Tensor } from "../graph/tensor.ts";
import { headNorm, type KeysValues, linear, softCap } from "../nn.ts";
import { block, type PassContext, type PassShape, rmsNormed } from "./block.ts";
import { angleNames, maskName } from "./inputs.ts";
import type { Parameters } from "./parameters.ts";
import { recomputedBlock } from "./recompute.ts";
import { type DecoderSpec, headName } from "./spec.ts";

export interface Pass {
  /** After the last norm, `[rows, hiddenSize]`. */
  hidden: Tensor;
  /** Keys and values of this pass's tokens, of each layer that has its own. */
  cache: KeysValues[];
}

/** Which of the blocks a pass goes through: from `first` up to but without `end`. */
export interface BlockRange {
  first: number;
  end: number;
}

/** The input in which a pass that does not begin at the first block gets what the blocks before gave, `[rows, hiddenSize]`. */
export const prefixName = "prefix";

/**
 * Inputs fed: `ids` `[rows]` i32; the angles of each rope and the mask of each window, see `inputs.ts`; with a cache also
 * `past.N.keys` and `past.N.values` `[batch, kvHeads, past, headDim]` of the Nth layer that has its own. The blocks before `first` are
 * not computed: `prefix` is fed.
 */
export function decoder(spec: DecoderSpec, shape: PassShape, parameters: Parameters, first = 0): Pass {
  const { x, cache } = throughBlocks(spec, shape, parameters, { first, end: spec.layers.length });
  return { hidden: rmsNormed(spec, weightOf(spec, parameters, "norm"), x), cache };
}

/** What the blocks before `end` make of the tokens, `[rows, hiddenSize]`. */
export function decoderPrefix(spec: DecoderSpec, shape: PassShape, parameters: Parameters, end: number): Tensor {
  return throughBlocks(spec, shape, parameters, { first: 0, end }).x;
}

/** Whether blocks from `first` on need nothing of those before but the last one's result. */
export function standsAlone({ layers }: DecoderSpec, first: number): boolean {
  return layers.slice(first).every(({ keysOf }) => keysOf === null || keysOf >= first);
}

function throughBlocks(spec: DecoderSpec, shape: PassShape, parameters: Parameters, { first, end }: BlockRange) {
  const ids = input("ids", [shape.batch * shape.length], "i32");
  const embedded = scaled(gatherRows(weightOf(spec, parameters, "embed_tokens"), ids), spec.embeddingScale);
  const perLayer = perLayerInputs(spec, parameters, ids, embedded);
  const context = passContext(spec, shape, parameters);
  const cache: KeysValues[] = [];
  const seen: KeysValues[] = [];
  let x = first === 0 ? embedded : input(prefixName, [shape.batch * shape.length, spec.hiddenSize]);
  for (let layer = first; layer < end; layer++) {
    const { keysOf } = spec.layers[layer]!;
    const shared = keysOf === null ? undefined : seen[keysOf];
    const result = (shape.recompute ? recomputedBlock : block)(context, layer, x, {
      shared,
      perLayer: perLayer?.(layer),
      cached: cache.length,
    });
    seen[layer] = result.seen;
    if (result.own !== undefined) cache.push(result.own);
    x = result.x;
  }
  return { x, cache };
}

/** hidden `[rows, hiddenSize]` → logits `[rows, vocabSize]`. */
export function logitsOf(spec: DecoderSpec, hidden: Tensor, { weight }: Parameters): Tensor {
  const { logitScale, logitSoftCap: cap } = spec;
  const logits = linear(hidden, weight(headName(spec)), { scale: logitScale / (cap ?? 1) });
  return cap === null ? logits : softCap(logits, cap);
}

const scaled = (x: Tensor, scale: number) => (scale === 1 ? x : mul(x, scale));

const weightOf = ({ names }: DecoderSpec, { weight }: Parameters, name: string) =>
  weight(`${names.prefix}${name}.weight`);

function passContext(spec: DecoderSpec, shape: PassShape, parameters: Parameters): PassContext {
  const { batch, length, past } = shape;
  const angles = spec.ropes.map(({ dim }, index) => {
    const { cos, sin } = angleNames(index);
    return { cos: input(cos, [batch * length, dim / 2]), sin: input(sin, [batch * length, dim / 2]) };
  });
  const masks = new Map<number | null, Tensor>();
  for (const { window } of spec.layers)
    if (!masks.has(window)) masks.set(window, input(maskName(window), [batch, 1, 1, length, past + length]));
  return { spec, shape, parameters, angles, maskOf: (window) => masks.get(window)! };
}

/**
 * Each token's second embedding, `[rows, layers · size]`, to which the first one is added through a matrix of its own; a layer
 * gets its slice, `[rows, size]`.
 */
function perLayerInputs(spec: DecoderSpec, parameters: Parameters, ids: Tensor, embedded: Tensor) {
  if (spec.perLayerInput === null) return undefined;
  const { size } = spec.perLayerInput;
  const at = (name: string) => weightOf(spec, parameters, name);
  const scale = spec.hiddenSize ** -0.5;
  const projected = matmul(embedded, at("per_layer_model_projection"), { transB: true, alpha: scale });
  const context = headNorm(projected, at("per_layer_projection_norm"), spec.normEpsilon);
  const own = mul(gatherRows(at("embed_tokens_per_layer"), ids), size ** 0.5);
  const both = mul(add(context, own), 2 ** -0.5);
  return (layer: number) => slice(both, 1, layer * size, (layer + 1) * size);
}
