/** The tensors of an exported model, each made when its turn comes: no more than one of them is in memory. */
import type { ModelDir } from "../io/model-dir.ts";
import type { Adapter } from "../io/peft.ts";
import type { BytesToWrite, TensorToWrite, WritableDtype } from "../io/safetensors.ts";
import type { Dtype } from "../io/safetensors-header.ts";
import { loraScale, planOf } from "../models/adapter.ts";
import { mergedWeight } from "../models/merge.ts";
import { packedShapes } from "../models/packed.ts";
import { storedName } from "../models/parameters.ts";
import { packRows, unpackRows } from "../models/quantize.ts";
import type { DecoderSpec } from "../models/spec.ts";

/** `base`: each tensor in the type that the base model stores it in. */
export type ExportDtype = "base" | "float32" | "bfloat16" | "float16";

const written: Record<Exclude<ExportDtype, "base">, WritableDtype> = {
  float32: "F32",
  bfloat16: "BF16",
  float16: "F16",
};

const isWritable = (dtype: Dtype): dtype is WritableDtype => ["F32", "BF16", "F16"].includes(dtype);
const isFloat = (dtype: Dtype) => isWritable(dtype) || dtype === "F64";

/** What becomes of a tensor that is stored as `dtype`; null: it is copied as it is. */
function targetOf(dtype: Dtype, wanted: ExportDtype): WritableDtype | null {
  if (!isFloat(dtype)) return null;
  if (wanted !== "base") return written[wanted];
  return isWritable(dtype) ? dtype : "F32";
}

/** Which of the source's tensors is changed, and what becomes of its values. */
type Change = (name: string) => ((values: Float32Array) => Float32Array) | undefined;

function toWrite(
  { weights }: ModelDir,
  name: string,
  dtype: WritableDtype | null,
  change: ReturnType<Change>,
): TensorToWrite | BytesToWrite {
  const shape = weights.shapeOf(name);
  const stored = weights.dtypeOf(name);
  if (dtype === null || (dtype === stored && !change)) {
    return { name, shape, dtype: stored, bytes: () => weights.readBytes(name) };
  }
  const data = async () => {
    const values = await weights.read(name);
    return change ? change(values) : values;
  };
  return { name, shape, dtype, data };
}

/**
 * The base model's tensors with the adapter folded into those that it changes; those that it was trained on in 4 or 8 bits stand for
 * themselves as they were then. Throws `invalid_model` where it does not fit.
 */
export function mergedTensors(base: ModelDir, spec: DecoderSpec, adapter: Adapter, wanted: ExportDtype) {
  planOf(spec, adapter);
  const { weights } = base;
  const names = new Set(weights.names);
  const scale = loraScale(adapter);
  const modules = new Map(
    [...adapter.modules].map(([name, module]) => [storedName(spec, `${name}.weight`, names), module]),
  );
  const { baseWeightBits: weightBits } = adapter;
  const held = new Map(
    [...packedShapes({ ...spec, ...(weightBits && { weightBits }) })].map(([name, [, width]]) => [
      storedName(spec, name, names),
      width,
    ]),
  );
  const change: Change = (name) => {
    const [module, width] = [modules.get(name), held.get(name)];
    if (module === undefined && width === undefined) return undefined;
    return (values) => {
      const seen = width === undefined ? values : unpackRows(packRows(values, width, weightBits!), width, weightBits!);
      return module === undefined ? seen : mergedWeight(seen, module, scale);
    };
  };
  return weights.names.map((name) => toWrite(base, name, targetOf(weights.dtypeOf(name), wanted), change(name)));
}

/** The tensors of a model that was trained whole, in the types that the base model stores them in. */
export function trainedTensors(trained: ModelDir, base: ModelDir, spec: DecoderSpec, wanted: ExportDtype) {
  const names = new Set(base.weights.names);
  return trained.weights.names.map((name) => {
    const stored = storedName(spec, name, names);
    const like = names.has(stored) ? base.weights.dtypeOf(stored) : trained.weights.dtypeOf(name);
    return toWrite(trained, name, targetOf(like, wanted), undefined);
  });
}
