/** A model directory with random weights and a vocabulary of any size: only shapes and speed mean anything. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSafetensors } from "../packages/engine/src/io/safetensors.ts";
import { parameterShapes } from "../packages/engine/src/models/parameters.ts";
import { syntheticModel, syntheticSpec } from "../packages/engine/src/testing/synthetic.ts";
import { range } from "../packages/engine/src/util.ts";
import { syntheticVocabulary } from "./constrain.ts";

const sizes = { hiddenSize: 512, heads: 8, kvHeads: 4, headDim: 64, intermediateSize: 1536, layers: 8 };

/** Byte-level BPE writes a byte as a character: itself where that is printable, else the next from U+0100 on. */
const alphabet: readonly string[] = (() => {
  const isPrintable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let next = 0x100;
  return range(256).map((byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
})();

const endOfText = "<|end|>";
const template = `{% for message in messages %}{{ message.role }}: {{ message.content }}
{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}`;

/** Without merges: prompts become bytes, answers may be any token. */
function tokenizerOf(vocabSize: number) {
  const { tokenBytes } = syntheticVocabulary(vocabSize);
  const text = (id: number) => Array.from(tokenBytes(id), (byte) => alphabet[byte]).join("");
  const steps = { add_prefix_space: false, trim_offsets: true, use_regex: false };
  const end = { id: vocabSize - 1, content: endOfText, special: true, normalized: false };
  return {
    version: "1.0",
    ...{ truncation: null, padding: null, normalizer: null, post_processor: null },
    added_tokens: [{ ...end, single_word: false, lstrip: false, rstrip: false }],
    pre_tokenizer: { type: "ByteLevel", ...steps },
    decoder: { type: "ByteLevel", ...steps },
    model: {
      type: "BPE",
      ...{ dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false, ignore_merges: false },
      vocab: Object.fromEntries(range(vocabSize - 1).map((id) => [text(id), id])),
      merges: [],
    },
  };
}

/** Writes the model into `dir`; gives its number of parameters. */
export async function writeChatModel(dir: string, vocabSize: number): Promise<number> {
  const spec = syntheticSpec({ ...sizes, vocabSize });
  const { weights } = syntheticModel(spec);
  const tensors = [...parameterShapes(spec)].map(([name, shape]) => ({
    ...{ name, shape },
    data: weights[name] as Float32Array,
  }));
  const config = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    ...{ hidden_size: sizes.hiddenSize, num_attention_heads: sizes.heads, num_key_value_heads: sizes.kvHeads },
    ...{ head_dim: sizes.headDim, intermediate_size: sizes.intermediateSize, num_hidden_layers: sizes.layers },
    ...{ vocab_size: vocabSize, max_position_embeddings: spec.maxPositions, rms_norm_eps: spec.normEpsilon },
    ...{ hidden_act: "silu", tie_word_embeddings: true, rope_theta: 10_000, eos_token_id: vocabSize - 1 },
  };
  const files = {
    "config.json": config,
    "tokenizer.json": tokenizerOf(vocabSize),
    "tokenizer_config.json": { eos_token: endOfText, chat_template: template },
  };
  await mkdir(dir, { recursive: true });
  for (const [name, value] of Object.entries(files)) await writeFile(join(dir, name), JSON.stringify(value));
  await writeSafetensors(join(dir, "model.safetensors"), tensors);
  return tensors.reduce((sum, { data }) => sum + data.length, 0);
}
