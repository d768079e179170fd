/** In how many bits a run's base weights are held. */
import type { PackedBits } from "../graph/ops.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { TrainSpec } from "../spec.ts";
import { EngineError } from "../util.ts";

/** What a run asks for; undefined = f32. Throws `invalid_config` when it asks for both 4 and 8 bits. */
export function weightBitsOf({ lora }: Pick<TrainSpec, "lora">): PackedBits | undefined {
  if (lora === false) return undefined;
  const { loadIn4bit = false, loadIn8bit = false } = lora;
  if (loadIn4bit && loadIn8bit)
    throw new EngineError("invalid_config", "lora.loadIn4bit and lora.loadIn8bit are both true.", {
      param: "lora.loadIn8bit",
      hint: "Choose one of them.",
    });
  return loadIn4bit ? 4 : loadIn8bit ? 8 : undefined;
}

/** Throws `invalid_config` when the model in memory is not held as the run asks. */
export function checkBaseWeights({ weightBits }: Pick<DecoderSpec, "weightBits">, spec: Pick<TrainSpec, "lora">): void {
  const asked = weightBitsOf(spec);
  if (asked === weightBits) return;
  const [wants, has] = [asked, weightBits].map((bits) => (bits === undefined ? "f32" : `${bits} bits`));
  throw new EngineError(
    "invalid_config",
    `This run wants base weights of ${wants}, the model was loaded with ${has}.`,
    {
      param: asked === undefined ? "lora" : `lora.loadIn${asked}bit`,
      hint: "Pass loadBaseModel the same weightBits.",
    },
  );
}
