/** Makes an equal graph that runs faster. Run after differentiation, before emission. */
import { assert } from "../util.ts";
import { joinProducts } from "./join-products.ts";
import type { Tensor } from "./ops.ts";
import { countUses, rebuild, withInputs } from "./rebuild.ts";
import { mul, node } from "./tensor.ts";

/**
 * One value computed once: equal operations on equal inputs become one; thin products with a common factor become one; products with packed weights become `matmulPacked`, sums of other
 * products `gemm`.
 */
export function rewrite(outputs: readonly Tensor[]): Tensor[] {
  return fuseAdds(fusePacked(joinProducts(shareEqual(outputs))));
}

/** Common subexpressions. A `customVjp` is only its value from here on. */
function shareEqual(outputs: readonly Tensor[]): Tensor[] {
  const ids = new Map<Tensor, number>();
  const known = new Map<string, Tensor>();
  return rebuild(outputs, (tensor, inputs) => {
    if (tensor.op === "customVjp") return inputs[0]!;
    const key = `${tensor.op}|${inputs.map((x) => ids.get(x))}|${attrsKey(tensor, ids.size)}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = withInputs(tensor, inputs);
    ids.set(made, ids.size);
    known.set(key, made);
    return made;
  });
}

function attrsKey(tensor: Tensor, unique: number): string {
  if (tensor.op !== "constant") return JSON.stringify(tensor.attrs);
  const { data, shape } = (tensor as Tensor<"constant">).attrs;
  return data.length === 1 ? `${tensor.dtype} ${data[0]} ${Object.is(data[0], -0)} [${shape}]` : `#${unique}`;
}

/** `x · dequantize(…)ᵀ` never unpacks the weights. */
function fusePacked(outputs: readonly Tensor[]): Tensor[] {
  return rebuild(outputs, (tensor, inputs) => {
    const [x, weight] = inputs;
    if (tensor.op !== "matmul" || weight!.op !== "dequantize") return null;
    const { transA, transB, alpha } = (tensor as Tensor<"matmul">).attrs;
    assert(transB && !transA, "packed weights are multiplied with as the transposed second factor");
    const { attrs, inputs: packed } = weight as Tensor<"dequantize">;
    const product = node("matmulPacked", [x!, ...packed], attrs);
    return alpha === 1 ? product : mul(product, alpha);
  });
}

/** `add(matmul(a, b), c)` becomes `gemm(a, b, c)` where the product is used nowhere else: one pass over memory less. */
function fuseAdds(outputs: readonly Tensor[]): Tensor[] {
  const uses = countUses(outputs);
  return rebuild(outputs, (tensor, inputs) => {
    if (tensor.op === "add") {
      const i = cheapestProduct(tensor, uses);
      if (i >= 0) {
        const { inputs: factors, attrs } = inputs[i] as Tensor<"matmul">;
        return node("gemm", [...factors, inputs[1 - i]!], attrs);
      }
    }
    return null;
  });
}

/** Which operand of an add is a matmul that can absorb the other operand; the one with the shortest inner axis. */
function cheapestProduct(add: Tensor, uses: Map<Tensor, number>): number {
  const inner = add.inputs.map((x, i) => {
    const other = add.inputs[1 - i]!;
    const fits = x.op === "matmul" && x.shape.length === 2 && uses.get(x) === 1 && `${other.shape}` === `${x.shape}`;
    return fits ? innerLength(x as Tensor<"matmul">) : Infinity;
  });
  const best = inner[1]! < inner[0]! ? 1 : 0;
  return inner[best] === Infinity ? -1 : best;
}

function innerLength({ inputs, attrs }: Tensor<"matmul">): number {
  return inputs[0]!.shape[attrs.transA ? 0 : 1]!;
}
