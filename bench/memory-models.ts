/** Models on disk for measuring memory: random weights in bf16, the built-in model's tokenizer. */
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { saveModelDir } from "../packages/engine/src/io/model-dir.ts";
import { specOf } from "../packages/engine/src/models/families.ts";
import { parameterShapes } from "../packages/engine/src/models/parameters.ts";
import { hashString, uniforms } from "../packages/engine/src/random.ts";
import { sizeOf } from "../packages/engine/src/util.ts";

const nano = fileURLToPath(new URL("../models/nano", import.meta.url));

/** 298 million parameters: 21 layers of 1024, 32,768 tokens. */
export const middle = {
  num_hidden_layers: 21,
  hidden_size: 1024,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 64,
  intermediate_size: 3072,
  vocab_size: 32_768,
};

/** The sizes of Qwen3-0.6B. */
export const qwen06 = { ...middle, num_hidden_layers: 28, head_dim: 128, vocab_size: 151_936 };

/** A new directory with a Qwen3 of these sizes; whoever asks for it removes it. */
export async function randomModelDir(sizes: typeof middle): Promise<string> {
  const config = { ...JSON.parse(await readFile(join(nano, "config.json"), "utf8")), ...sizes, layer_types: undefined };
  const tensors = [...parameterShapes(specOf(config))].map(([name, shape]) => ({
    name,
    shape,
    dtype: "BF16" as const,
    data: () => randomWeights(name, shape),
  }));
  const root = await mkdtemp(join(tmpdir(), "midrun-bench-"));

  await saveModelDir(join(root, "model"), { config, tensors, tokenizerFilesFrom: nano });
  return root;
}

/** Norms are 1, matrices uniform in ±0.035. */
function randomWeights(name: string, shape: readonly number[]): Float32Array {
  const data = new Float32Array(sizeOf(shape));
  if (shape.length === 1) return data.fill(1);
  uniforms(data, { seed: 1, stream: hashString(name) });
  for (let i = 0; i < data.length; i++) data[i] = 0.07 * (data[i]! - 0.5);
  return data;
}
