/** A trained adapter or model as files that others read: PEFT's adapter directory, or a plain Hugging Face model directory. */
import { join } from "node:path";
import { loadBaseModel } from "../base-model.ts";
import { writeDirAtomically } from "../io/atomic.ts";
import { listDir, nodeFileSystem, writeFile } from "../io/file-system.ts";
import { toJsonText } from "../io/json-file.ts";
import {
  copyTokenizerFiles,
  INDEX_FILE,
  type ModelDir,
  openModelDir,
  withDtype,
  writeConfig,
} from "../io/model-dir.ts";
import { ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE, type Adapter, loadAdapter } from "../io/peft.ts";
import { type BytesToWrite, type TensorToWrite, writeSafetensors } from "../io/safetensors.ts";
import { byteSizeOf, type Dtype } from "../io/safetensors-header.ts";
import { specOf } from "../models/families.ts";
import { EngineError } from "../util.ts";
import { compareLogits, type ExportCheck } from "./compare.ts";
import { fixedPrompts, promptLogits } from "./logits.ts";
import { type ExportDtype, mergedTensors, trainedTensors } from "./tensors.ts";

export interface MergeOptions {
  /** Directory of the base model. */
  baseDir: string;
  /** An adapter in PEFT's format, or a whole model after full fine-tuning. */
  trained: { adapterDir: string } | { modelDir: string };
  /** New, or empty. */
  outDir: string;
  /** Default `base`. */
  dtype?: ExportDtype;
  /** Threads of one operation, in the comparison. Default: as many as cores. */
  threads?: number;
}

export interface MergedExport {
  files: string[];
  /** Tensors by the type that they are stored in. */
  dtypes: Partial<Record<Dtype, number>>;
  check: ExportCheck;
}

/**
 * Writes a model directory that transformers loads by itself, tensor by tensor, and compares its logits on fixed prompts with the
 * trained model's before it gets its name: on any error nothing is there.
 * Throws what loading throws; `invalid_config` when `outDir` holds something; `not_supported` when 16 bits lose what was trained.
 */
export async function exportMerged(options: MergeOptions): Promise<MergedExport> {
  const { baseDir, trained, outDir, dtype = "base" } = options;
  await checkEmpty(outDir);
  const adapter = "adapterDir" in trained ? await loadAdapter(trained.adapterDir) : null;
  const source = "modelDir" in trained ? trained.modelDir : baseDir;
  let result: MergedExport | undefined;
  await writeDirAtomically(outDir, async (tmpDir) => {
    const dtypes = await writeModel(tmpDir, { baseDir, source, adapter, dtype });
    const check = await checkLogits(options, adapter, tmpDir, Object.keys(dtypes));
    await writeFile(nodeFileSystem, join(tmpDir, exportFile), toJsonText({ format: "merged", dtype, dtypes, check }));
    result = { files: await listDir(nodeFileSystem, tmpDir), dtypes, check };
  });
  return result!;
}

/** Says how the directory was made. */
const exportFile = "midrun_export.json";

async function checkEmpty(outDir: string): Promise<void> {
  const [found] = await listDir(nodeFileSystem, outDir);
  if (found === undefined) return;
  throw new EngineError("invalid_config", `${outDir} holds files already (${found}); nothing was written.`, {
    param: outDir,
    hint: "Name a new or an empty directory.",
  });
}

interface Writing {
  baseDir: string;
  /** Where the tensors come from, and their division into files. */
  source: string;
  adapter: Adapter | null;
  dtype: ExportDtype;
}

async function writeModel(dir: string, { baseDir, source, adapter, dtype }: Writing): Promise<MergedExport["dtypes"]> {
  const base = await openModelDir(baseDir);
  const from = source === baseDir ? base : await openModelDir(source);
  try {
    const spec = specOf(base.config);
    const tensors = adapter ? mergedTensors(base, spec, adapter, dtype) : trainedTensors(from, base, spec, dtype);
    await writeWeights(dir, from, tensors);
    await writeConfig(dir, withDtype(base.config, tensors), baseDir, nodeFileSystem);
    await copyTokenizerFiles(nodeFileSystem, baseDir, dir);
    return countBy(tensors);
  } finally {
    await base.weights.close();
    if (from !== base) await from.weights.close();
  }
}

type Tensors = readonly (TensorToWrite | BytesToWrite)[];

const dtypeOf = ({ dtype = "F32" }: Tensors[number]): Dtype => dtype;

function countBy(tensors: Tensors): MergedExport["dtypes"] {
  const counts: MergedExport["dtypes"] = {};
  for (const tensor of tensors) counts[dtypeOf(tensor)] = (counts[dtypeOf(tensor)] ?? 0) + 1;
  return counts;
}

/** In files of the same names as the source's, with an index when there are several. */
async function writeWeights(dir: string, { weights }: ModelDir, tensors: Tensors): Promise<void> {
  const files = Map.groupBy(tensors, ({ name }) => weights.fileOf(name));
  // transformers refuses a file without this entry.
  for (const [file, own] of files) await writeSafetensors(join(dir, file), own, { format: "pt" });
  if (files.size < 2) return;
  const bytes = tensors.reduce((sum, tensor) => sum + byteSizeOf(dtypeOf(tensor), tensor.shape), 0);
  const map = Object.fromEntries(tensors.map(({ name }) => [name, weights.fileOf(name)]));
  const index = { metadata: { total_size: bytes }, weight_map: map };
  await writeFile(nodeFileSystem, join(dir, INDEX_FILE), toJsonText(index));
}

async function checkLogits(
  options: MergeOptions,
  adapter: Adapter | null,
  exportedDir: string,
  dtypes: string[],
): Promise<ExportCheck> {
  const { prompts, ...reference } = await referenceLogits(options, adapter);
  const exported = await logitsOfDir(exportedDir, prompts, options);
  const rounded = dtypes.includes("BF16") || dtypes.includes("F16");
  return compareLogits({ ...reference, exported }, prompts, rounded);
}

/** A function of its own, so that the models that it loads are gone before the exported one is loaded. */
async function referenceLogits({ baseDir, trained, threads }: MergeOptions, adapter: Adapter | null) {
  const options = threads === undefined ? {} : { threads };
  const weightBits = adapter?.baseWeightBits;
  const model = await loadBaseModel(baseDir, weightBits === undefined ? {} : { weightBits });
  const prompts = fixedPrompts(model);
  const base = await promptLogits(model, prompts, options);
  if ("modelDir" in trained)
    return { prompts, base, trained: await logitsOfDir(trained.modelDir, prompts, { threads }) };
  return { prompts, base, trained: await promptLogits(model, prompts, { ...options, adapter: adapter! }) };
}

async function logitsOfDir(
  dir: string,
  prompts: number[][],
  { threads }: { threads?: number | undefined },
): Promise<Float32Array> {
  return promptLogits(await loadBaseModel(dir), prompts, threads === undefined ? {} : { threads });
}

export interface PeftOptions {
  adapterDir: string;
  /** New, or empty. */
  outDir: string;
}

/**
 * Writes the adapter as PEFT reads it, without what only a resumed run needs. Throws `invalid_model` for a damaged adapter,
 * `invalid_config` when `outDir` holds something.
 */
export async function exportPeft({ adapterDir, outDir }: PeftOptions): Promise<{ files: string[] }> {
  await checkEmpty(outDir);
  await loadAdapter(adapterDir);
  const files = [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE];
  await writeDirAtomically(outDir, async (tmpDir) => {
    for (const file of files) await nodeFileSystem.copyFile(join(adapterDir, file), join(tmpDir, file));
    await loadAdapter(tmpDir);
  });
  return { files };
}
