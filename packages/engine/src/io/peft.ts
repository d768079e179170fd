/** LoRA adapters in PEFT's own format: adapter_model.safetensors and adapter_config.json. */

import { join } from "node:path";
import { EngineError } from "../util.ts";
import { writeDirAtomically } from "./atomic.ts";
import { type FileSystem, nodeFileSystem, writeFile } from "./file-system.ts";
import { readJsonObject, toJsonText } from "./json-file.ts";
import { type PeftConfig, parsePeftConfig, toPeftConfig } from "./peft-config.ts";
import { openSafetensors, type SafetensorsFile, type TensorToWrite, writeSafetensors } from "./safetensors.ts";

/** The numbers of one adapted linear layer: its output gains `scale · B · A · x`. */
export interface AdapterModule {
  /** `[r, inFeatures]`, row by row. */
  a: Float32Array;
  /** `[outFeatures, r]`, row by row. */
  b: Float32Array;
  /** `[outFeatures]`, with `useDora`: the lengths of the weights' rows. */
  magnitude?: Float32Array;
  inFeatures: number;
  outFeatures: number;
}

/** A LoRA adapter. Its scale is `alpha / r`, or `alpha / sqrt(r)` with `useRslora`. */
export interface Adapter extends PeftConfig {
  /** It was trained on base weights held in so many bits; absent = exact ones, or not told. */
  baseWeightBits?: 4 | 8;
  /** Last parts of the adapted layers' names: `q_proj`, …. */
  targetModules: string[];
  /** By the layer's name in the base model: `model.layers.0.self_attn.q_proj`. */
  modules: Map<string, AdapterModule>;
}

export const ADAPTER_WEIGHTS_FILE = "adapter_model.safetensors";
export const ADAPTER_CONFIG_FILE = "adapter_config.json";

const PREFIX = "base_model.model.";
/** Of the file's metadata, where PEFT neither looks nor minds: adapter_config.json has no place for it. */
const bitsEntry = "midrun.base_weight_bits";
const tensorName = (module: string, matrix: "A" | "B") => `${PREFIX}${module}.lora_${matrix}.weight`;
const magnitudeName = (module: string) => `${PREFIX}${module}.lora_magnitude_vector`;
const tensorPattern = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/;
const magnitudePattern = /^base_model\.model\.(.+)\.lora_magnitude_vector$/;

/**
 * Writes an adapter directory that PEFT can load, atomically; equal adapters give equal bytes.
 * Throws `invalid_config` when `dir` exists and holds anything else, `io` when the disk refuses.
 */
export async function saveAdapter(
  dir: string,
  adapter: Adapter,
  { fs = nodeFileSystem, overwrite = false }: { fs?: FileSystem; overwrite?: boolean } = {},
): Promise<void> {
  await writeDirAtomically(dir, (tmpDir) => writeAdapterFiles(tmpDir, adapter, fs), { fs, overwrite });
}

/** Writes an adapter's two files into an existing directory, one after the other. */
export async function writeAdapterFiles(dir: string, adapter: Adapter, fs: FileSystem): Promise<void> {
  const tensors = [...adapter.modules].flatMap(([name, module]) => toTensors(name, module, adapter.r));
  const { baseWeightBits: bits } = adapter;
  const metadata = { format: "pt", ...(bits === undefined ? {} : { [bitsEntry]: String(bits) }) };
  await writeSafetensors(join(dir, ADAPTER_WEIGHTS_FILE), tensors, metadata, fs);
  const config = toPeftConfig(adapter, adapter.targetModules);
  await writeFile(fs, join(dir, ADAPTER_CONFIG_FILE), toJsonText(config));
}

function toTensors(
  name: string,
  { a, b, magnitude, inFeatures, outFeatures }: AdapterModule,
  r: number,
): TensorToWrite[] {
  return [
    { name: tensorName(name, "A"), shape: [r, inFeatures], data: a },
    { name: tensorName(name, "B"), shape: [outFeatures, r], data: b },
    ...(magnitude === undefined ? [] : [{ name: magnitudeName(name), shape: [outFeatures], data: magnitude }]),
  ];
}

/**
 * Reads an adapter directory; weights of any float type become float32. Throws `invalid_model` when a file is missing or
 * damaged, a matrix lacks its partner or a shape is wrong; `not_supported`, naming the field, for other kinds of adapter.
 */
export async function loadAdapter(dir: string, fs: FileSystem = nodeFileSystem): Promise<Adapter> {
  const hint = `An adapter directory holds ${ADAPTER_CONFIG_FILE} and ${ADAPTER_WEIGHTS_FILE}.`;
  const config = parsePeftConfig(
    await readJsonObject(dir, ADAPTER_CONFIG_FILE, { fs, hint }),
    join(dir, ADAPTER_CONFIG_FILE),
  );
  const file = await openSafetensors(join(dir, ADAPTER_WEIGHTS_FILE), fs);
  try {
    const modules = await readModules(file, config);
    const bits = file.metadata[bitsEntry];
    const held = bits === "4" || bits === "8" ? { baseWeightBits: Number(bits) as 4 | 8 } : {};
    return { ...config, ...held, targetModules: lastParts(modules.keys()), modules };
  } finally {
    await file.close();
  }
}

async function readModules(
  file: SafetensorsFile,
  { r, useDora = false }: PeftConfig,
): Promise<Map<string, AdapterModule>> {
  const modules = new Map<string, AdapterModule>();
  for (const name of moduleNames(file, useDora)) {
    const [rankOfA, inFeatures] = matrixShape(file, tensorName(name, "A"));
    const [outFeatures, rankOfB] = matrixShape(file, tensorName(name, "B"));
    if (rankOfA !== r || rankOfB !== r) throw wrongRank(file, name, r, rankOfA, rankOfB);
    const [a, b] = [await file.read(tensorName(name, "A")), await file.read(tensorName(name, "B"))];
    const length = useDora ? { magnitude: await readMagnitude(file, name, outFeatures) } : {};
    modules.set(name, { a, b, ...length, inFeatures, outFeatures });
  }
  if (modules.size === 0)
    throw bad(file, "holds no LoRA matrices.", "Save the adapter again; its training kept nothing.");
  return modules;
}

async function readMagnitude(file: SafetensorsFile, module: string, outFeatures: number): Promise<Float32Array> {
  const name = magnitudeName(module);
  const shape = file.tensors.get(name)?.shape;
  if (`${shape}` === `${outFeatures}`) return file.read(name);
  const found = shape === undefined ? "is missing" : `has the shape [${shape}]; [${outFeatures}] is expected`;
  throw bad(file, `tensor "${name}" ${found}.`, "Copy or save the adapter again.");
}

function moduleNames(file: SafetensorsFile, useDora: boolean): string[] {
  const names = new Set<string>();
  for (const tensor of file.tensors.keys()) {
    const module = (tensorPattern.exec(tensor) ?? (useDora ? magnitudePattern.exec(tensor) : null))?.[1];
    if (module === undefined)
      throw bad(
        file,
        `tensor "${tensor}" is none of a plain LoRA adapter.`,
        "Save the adapter with PEFT's save_pretrained.",
      );
    names.add(module);
  }
  return [...names].sort();
}

function matrixShape(file: SafetensorsFile, name: string): [number, number] {
  const shape = file.tensors.get(name)?.shape;
  if (!shape) throw bad(file, `tensor "${name}" is missing; its partner is there.`, "Copy or save the adapter again.");
  if (shape.length === 2) return shape as unknown as [number, number];
  throw bad(
    file,
    `tensor "${name}" has the shape [${shape}]; a matrix is expected.`,
    "Only linear layers can be adapted.",
  );
}

function wrongRank(file: SafetensorsFile, module: string, r: number, rankOfA: number, rankOfB: number): EngineError {
  const found = `${module} has ${rankOfA} rows in A and ${rankOfB} columns in B`;
  return bad(
    file,
    `${found}; ${ADAPTER_CONFIG_FILE} says r ${r}.`,
    "Weights and configuration come from different runs.",
  );
}

const bad = (file: SafetensorsFile, problem: string, hint: string) =>
  new EngineError("invalid_model", `${file.path}: ${problem}`, { param: file.path, hint });

const lastParts = (modules: Iterable<string>) =>
  [...new Set([...modules].map((name) => name.split(".").at(-1)!))].sort();
