/** Logits of a few fixed texts, by the pass that training makes: an adapter is computed beside the weights, not merged into them. */
import type { BaseModel } from "../base-model.ts";
import type { PackedRow } from "../data/pack.ts";
import { feedsOf, type LoraWeights, planOf } from "../models/adapter.ts";
import { decoder, logitsOf } from "../models/decoder.ts";
import { fedLora } from "../models/objective.ts";
import { fedParameters } from "../models/parameters.ts";
import { createSession, type SessionOptions } from "../onnx/session.ts";
import { microBatchFeeds } from "../training/micro-batch.ts";
import { range } from "../util.ts";

/** Prose, code and a chat; each is cut to `maxTokens`. */
const texts = [
  "The capital of France is Paris, and the longest river of the country is the Loire.",
  "export function add(a: number, b: number): number {\n  return a + b;\n}\n",
  "User: My last invoice shows 42.50 instead of 24.50. Can you help?\nAssistant: Of course. Let me look it up.",
];
const maxTokens = 32;

/** The texts as the model's tokens, one row each. */
export function fixedPrompts({ tokenizer }: Pick<BaseModel, "tokenizer">): number[][] {
  return texts.map((text) => tokenizer.encode(text).slice(0, maxTokens));
}

const toRow = (ids: number[]): PackedRow => ({
  ids: Int32Array.from(ids),
  positions: Int32Array.from(range(ids.length)),
  segments: new Int32Array(ids.length),
  targets: new Int32Array(ids.length),
  weights: new Float32Array(ids.length),
  examples: 1,
});

/** Logits of every token of every prompt, one after the other: `[tokens, vocabulary]`. */
export async function promptLogits(
  { spec, weights }: Pick<BaseModel, "spec" | "weights">,
  prompts: readonly number[][],
  { adapter, ...options }: SessionOptions & { adapter?: LoraWeights } = {},
): Promise<Float32Array> {
  const shape = { batch: prompts.length, length: Math.max(...prompts.map(({ length }) => length)) };
  const lora = adapter && fedLora(planOf(spec, adapter), shape.batch * shape.length);
  const parameters = fedParameters(spec, (name) => lora?.get(name));
  const { hidden } = decoder(spec, { ...shape, past: 0 }, parameters);
  const session = await createSession({ logits: logitsOf(spec, hidden, parameters) }, options);
  try {
    const feeds = microBatchFeeds(spec, prompts.map(toRow), { ...shape, supervised: 1 }, 1);
    const { logits } = await session.run({ ...weights, ...(adapter ? feedsOf(adapter) : {}), ...feeds });
    return withoutPadding(logits, prompts, shape.length);
  } finally {
    await session.release();
  }
}

function withoutPadding(logits: Float32Array, prompts: readonly number[][], length: number): Float32Array {
  const width = logits.length / (prompts.length * length);
  const kept = new Float32Array(prompts.reduce((sum, ids) => sum + ids.length, 0) * width);
  let at = 0;
  for (const [row, ids] of prompts.entries()) {
    const begin = row * length * width;
    kept.set(logits.subarray(begin, begin + ids.length * width), at);
    at += ids.length * width;
  }
  return kept;
}
