/** Blocks that are computed again in the backward pass (Chen et al. 2016): between the passes only their inputs are in memory. */
import { pullback } from "../graph/grad.ts";
import { after, constant, customVjp, type Tensor, topologicalOrder, unpack } from "../graph/tensor.ts";
import { type BlockInputs, type BlockResult, block, type PassContext } from "./block.ts";
import type { Parameters } from "./parameters.ts";

/**
 * The same block, whose gradient begins with a second forward pass. What is made of weights alone (unpacked ones, merged adapters) is
 * made when the block's turn comes, both times.
 */
export function recomputedBlock(pass: PassContext, index: number, x: Tensor, inputs: BlockInputs): BlockResult {
  const kept = block(at(pass, x), index, x, inputs);
  const { shared, perLayer } = inputs;
  const given = [x, ...(shared ? [shared.keys, shared.values] : []), ...(perLayer ? [perLayer] : [])];
  const sources = [...given, ...trainedBehind(kept.x, pass.parameters, given)];
  const y = customVjp(kept.x, sources, (g) => {
    const again = block(at(pass, g), index, after(x, g), inputs);
    const [dx, ...others] = pullback(again.x, g, sources) as [Tensor, ...Tensor[]];
    return [after(dx, whenAllAreThere(others)), ...others];
  });
  return { ...kept, x: y };
}

const at = (pass: PassContext, moment: Tensor): PassContext => ({
  ...pass,
  parameters: lateParameters(pass.parameters, moment),
});

/** Parameters of which nothing is computed before `moment` is there. */
function lateParameters(parameters: Parameters, moment: Tensor): Parameters {
  return {
    ...parameters,
    weight(name) {
      const weight = parameters.weight(name);
      if (weight.op !== "unpack") return weight;
      const { inputs, attrs } = weight as Tensor<"unpack">;
      return unpack(inputs[0]!, after(inputs[1]!, moment), attrs.bits);
    },
    lora(name) {
      const adapter = parameters.lora(name);
      return adapter && { ...adapter, a: after(adapter.a, moment) };
    },
  };
}

/** The trained parameters that y depends on through other ways than `given`. */
function trainedBehind(y: Tensor, { trained = [] }: Parameters, given: readonly Tensor[]): Tensor[] {
  const behind = new Set(topologicalOrder([y], given));
  return trained.filter((parameter) => behind.has(parameter));
}

/** Something small that waits for all of `values`: the block below begins when nothing in this one is needed any more. */
function whenAllAreThere(values: readonly Tensor[]): Tensor {
  return values.reduce((moment, value) => after(moment, value), constant(new Float32Array([1]), [1]));
}
