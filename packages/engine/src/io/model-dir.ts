/** A model in a directory, as Hugging Face lays it out: config.json, safetensors weights, tokenizer files. */

import { basename, join } from "node:path";
import { EngineError } from "../util.ts";
import { writeDirAtomically } from "./atomic.ts";
import { type FileSystem, kindOf, listDir, nodeFileSystem, toIoError, writeFile } from "./file-system.ts";
import { readJsonObject, toJsonText } from "./json-file.ts";
import { toJsonTextLike } from "./number-text.ts";
import {
  openSafetensors,
  type Part,
  type SafetensorsFile,
  type TensorToWrite,
  writeSafetensors,
} from "./safetensors.ts";
import type { Dtype } from "./safetensors-header.ts";

/** Every tensor of a model, whichever file it lies in. */
export interface ModelWeights {
  /** Sorted. */
  readonly names: readonly string[];
  /** Throws `invalid_model` for a name that the model lacks, as `read` does. */
  shapeOf(name: string): readonly number[];
  dtypeOf(name: string): Dtype;
  /** Name of the file that it lies in. */
  fileOf(name: string): string;
  /** Values in row-major order, or a part of them. */
  read(name: string, part?: Part): Promise<Float32Array>;
  /** As they are on disk. */
  readBytes(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface ModelDir {
  readonly dir: string;
  /** config.json as it is; `models/` gives it meaning. */
  readonly config: Record<string, unknown>;
  readonly weights: ModelWeights;
}

export const WEIGHTS_FILE = "model.safetensors";
export const INDEX_FILE = "model.safetensors.index.json";

/** Files beside the weights that make text out of tokens and back; a model has some of them. */
export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
  "chat_template.jinja",
  "chat_template.json",
  "generation_config.json",
];

const otherFormats = /\.(bin|pt|pth|ckpt|h5|msgpack|gguf|onnx)$/;

const CONVERT =
  "Convert it to safetensors, for example with transformers: AutoModelForCausalLM.from_pretrained(dir).save_pretrained(out).";

/**
 * Opens a model directory and checks its weight files' headers. Close `weights` when done.
 * Throws `model_not_found` when there is no such directory, `invalid_model` when something in it is missing or damaged.
 */
export async function openModelDir(dir: string): Promise<ModelDir> {
  if ((await kindOf(nodeFileSystem, dir)) !== "directory")
    throw new EngineError("model_not_found", `${dir} is not a directory.`, {
      param: dir,
      hint: "Name a directory with config.json, model.safetensors and tokenizer.json.",
    });
  const config = await readJsonObject(dir, "config.json", {
    hint: "A model directory holds config.json, model.safetensors and tokenizer.json.",
  });
  return { dir, config, weights: await openWeights(dir) };
}

async function openWeights(dir: string): Promise<ModelWeights> {
  const files = await listDir(nodeFileSystem, dir);
  if (files.includes(WEIGHTS_FILE)) return openSingle(join(dir, WEIGHTS_FILE));
  if (files.includes(INDEX_FILE)) return openShards(dir);
  throw noWeights(dir, files);
}

/** The error for a model, local or on a hub, whose `files` include no safetensors weights. */
export function noWeights(model: string, files: readonly string[]): EngineError {
  const others = files.filter((name) => otherFormats.test(name));
  const found = others.length > 0 ? ` It has ${others.slice(0, 3).join(", ")}, which cannot be read.` : "";
  return new EngineError("invalid_model", `${model} has neither ${WEIGHTS_FILE} nor ${INDEX_FILE}.${found}`, {
    param: model,
    hint: others.length > 0 ? CONVERT : "Check that the model's download or export is complete.",
  });
}

async function openSingle(path: string): Promise<ModelWeights> {
  const file = await openSafetensors(path);
  return toWeights(path, new Map([...file.tensors.keys()].map((name) => [name, file])), [file]);
}

async function openShards(dir: string): Promise<ModelWeights> {
  const shardOf = parseIndex(await readJsonObject(dir, INDEX_FILE), join(dir, INDEX_FILE));
  const opened = new Map<string, SafetensorsFile>();
  try {
    for (const shard of new Set(shardOf.values())) opened.set(shard, await openShard(dir, shard));
    const fileOf = new Map([...shardOf].map(([name, shard]) => [name, tensorFile(opened.get(shard)!, name)]));
    return toWeights(dir, fileOf, [...opened.values()]);
  } catch (error) {
    await closeAll(opened.values());
    throw error;
  }
}

async function openShard(dir: string, shard: string): Promise<SafetensorsFile> {
  if ((await kindOf(nodeFileSystem, join(dir, shard))) === "file") return openSafetensors(join(dir, shard));
  throw new EngineError("invalid_model", `${dir} has no ${shard}, which its ${INDEX_FILE} names.`, {
    param: join(dir, shard),
    hint: "Fetch the missing file; the model's download or copy is not complete.",
  });
}

function tensorFile(file: SafetensorsFile, name: string): SafetensorsFile {
  if (file.tensors.has(name)) return file;
  throw new EngineError("invalid_model", `${file.path} holds no tensor "${name}", though ${INDEX_FILE} says so.`, {
    param: name,
    hint: "Index and weight files come from different versions; fetch the model again.",
  });
}

/** The file of each tensor, from a parsed index. Throws `invalid_model` for anything but plain file names. */
export function parseIndex(index: Record<string, unknown>, path: string): Map<string, string> {
  const map = index.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map))
    throw new EngineError("invalid_model", `${path} has no "weight_map" object.`, { param: path });
  return new Map(Object.entries(map).map(([name, shard]) => [name, parseShardName(shard, name, path)]));
}

function parseShardName(shard: unknown, name: string, path: string): string {
  if (typeof shard === "string" && /^\w[\w.-]*\.safetensors$/.test(shard)) return shard;
  const problem = `${path} puts tensor "${name}" into ${JSON.stringify(shard)}, which is no safetensors file name.`;
  throw new EngineError("invalid_model", problem, { param: path, hint: CONVERT });
}

function toWeights(model: string, fileOf: Map<string, SafetensorsFile>, files: SafetensorsFile[]): ModelWeights {
  const find = (name: string) => {
    const file = fileOf.get(name);
    if (file) return file;
    throw new EngineError("invalid_model", `${model} holds no tensor "${name}".`, {
      param: name,
      hint: "Its config.json and its weights do not belong together, or the model's download is not complete.",
    });
  };
  return {
    names: [...fileOf.keys()].sort(),
    shapeOf: (name) => find(name).tensors.get(name)!.shape,
    dtypeOf: (name) => find(name).tensors.get(name)!.dtype,
    fileOf: (name) => basename(find(name).path),
    read: async (name, part) => find(name).read(name, part),
    readBytes: async (name) => find(name).readBytes(name),
    close: () => closeAll(files),
  };
}

async function closeAll(files: Iterable<SafetensorsFile>): Promise<void> {
  await Promise.all([...files].map((file) => file.close()));
}

export interface ModelToSave {
  /** Becomes config.json; its dtype is set to the tensors' when they share one. */
  config: Record<string, unknown>;
  tensors: Iterable<TensorToWrite>;
  /** Directory whose tokenizer files and chat template are copied along, and whose config.json writes numbers as ours is to. */
  tokenizerFilesFrom?: string;
}

/**
 * Writes a plain Hugging Face model directory that transformers and `openModelDir` can load, atomically.
 * Throws `invalid_config` when `dir` exists and holds anything else, `io` when the disk refuses.
 */
export async function saveModelDir(
  dir: string,
  model: ModelToSave,
  { fs = nodeFileSystem, overwrite = false }: { fs?: FileSystem; overwrite?: boolean } = {},
): Promise<void> {
  await writeDirAtomically(dir, (tmpDir) => writeModelFiles(tmpDir, model, fs), { fs, overwrite });
}

/** Writes a model's files into an existing directory, one after the other. */
export async function writeModelFiles(dir: string, model: ModelToSave, fs: FileSystem): Promise<void> {
  const tensors = [...model.tensors];
  await writeConfig(dir, withDtype(model.config, tensors), model.tokenizerFilesFrom, fs);
  // transformers refuses a file without this entry.
  await writeSafetensors(join(dir, WEIGHTS_FILE), tensors, { format: "pt" }, fs);
  if (model.tokenizerFilesFrom !== undefined) await copyTokenizerFiles(fs, model.tokenizerFilesFrom, dir);
}

/** Writes config.json; a number keeps the text that the config.json in `from` has for it. */
export async function writeConfig(
  dir: string,
  config: Record<string, unknown>,
  from: string | undefined,
  fs: FileSystem,
): Promise<void> {
  const source = from !== undefined && (await listDir(fs, from)).includes("config.json");
  const text = source
    ? toJsonTextLike(config, await fs.readFile(join(from, "config.json"), "utf8"))
    : toJsonText(config);
  await writeFile(fs, join(dir, "config.json"), text);
}

export async function copyTokenizerFiles(fs: FileSystem, from: string, to: string): Promise<void> {
  const present = await listDir(fs, from);
  for (const name of TOKENIZER_FILES.filter((file) => present.includes(file)))
    await fs.copyFile(join(from, name), join(to, name)).catch((error: unknown) => {
      throw toIoError(error, `Cannot copy ${join(from, name)}`);
    });
}

const configDtype = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const;

const isNamed = (dtype: Dtype | undefined): dtype is keyof typeof configDtype =>
  dtype !== undefined && dtype in configDtype;

/** transformers loads weights in the dtype that config.json names, so a stale one would silently round them. */
export function withDtype(
  config: Record<string, unknown>,
  tensors: readonly { dtype?: Dtype }[],
): Record<string, unknown> {
  const [dtype, ...others] = new Set(tensors.map((tensor) => tensor.dtype ?? "F32"));
  if (!isNamed(dtype) || others.length > 0) return config;
  const key = "dtype" in config ? "dtype" : "torch_dtype";
  return { ...config, [key]: configDtype[dtype] };
}
