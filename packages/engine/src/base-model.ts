/** A base model in memory: its weights, once, and what turns text into its tokens. Training and decoding share it. */
import type { PackedBits } from "./graph/ops.ts";
import { openModelDir } from "./io/model-dir.ts";
import { specOf } from "./models/families.ts";
import { packedShapes, readPacked } from "./models/packed.ts";
import { parameterShapes, storedName } from "./models/parameters.ts";
import type { DecoderSpec } from "./models/spec.ts";
import type { Feeds } from "./onnx/session.ts";
import { type ChatTemplate, loadChatTemplate } from "./text/chat-template.ts";
import { loadTokenizer, type Tokenizer } from "./text/tokenizer.ts";
import { EngineError } from "./util.ts";

export interface BaseModel {
  readonly dir: string;
  /** config.json as it is. */
  readonly config: Record<string, unknown>;
  readonly spec: DecoderSpec;
  /**
   * Every parameter in f32, by its name in model.safetensors, or where `spec.weightBits` says so packed, see `models/packed.ts`; fed to
   * sessions as they are.
   */
  readonly weights: Feeds;
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: ChatTemplate;
}

export interface LoadOptions {
  /**
   * Hold the blocks' linear weights in so many bits, each block of 32 with a scale: an eighth or a quarter of the memory, for adapters
   * that are trained on these weights and answers from them. Default: f32.
   */
  weightBits?: PackedBits;
}

/** Throws `model_not_found`, `invalid_model` or `not_supported`. */
export async function loadBaseModel(dir: string, { weightBits }: LoadOptions = {}): Promise<BaseModel> {
  const { config, weights: stored } = await openModelDir(dir);
  try {
    const spec = { ...specOf(config), ...(weightBits === undefined ? {} : { weightBits }) };
    const weights: Feeds = {};
    const names = new Set(stored.names);
    const packed = packedShapes(spec);
    for (const [name, shape] of parameterShapes(spec)) {
      const inFile = storedName(spec, name, names);
      checkShape(dir, stored, inFile, shape);
      const matrix = packed.get(name);
      if (matrix === undefined) weights[name] = await stored.read(inFile);
      else Object.assign(weights, await readPacked(name, matrix, weightBits!, (part) => stored.read(inFile, part)));
    }
    const tokenizer = await loadTokenizer(dir);
    return { dir, config, spec, weights, tokenizer, chatTemplate: await loadChatTemplate(dir, tokenizer) };
  } finally {
    await stored.close();
  }
}

function checkShape(
  dir: string,
  stored: { shapeOf(name: string): readonly number[] },
  name: string,
  expected: readonly number[],
): void {
  const found = stored.shapeOf(name);
  if (`${found}` === `${expected}`) return;
  throw new EngineError("invalid_model", `${dir}: "${name}" has shape [${found}], config.json asks for [${expected}]`, {
    param: name,
    hint: "config.json and the weights belong to different models; fetch both again.",
  });
}
