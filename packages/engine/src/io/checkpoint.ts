/**
 * Checkpoints: `checkpoints/step-000100/` with the weights in their public format, the optimizer and state.json. A checkpoint
 * is on disk whole or not at all, and is used only if every byte of it is as it was written.
 */

import { basename, join } from "node:path";
import { EngineError, type EngineErrorCode, isEngineError } from "../util.ts";
import { removeDirAtomically, writeDirAtomically } from "./atomic.ts";
import { type CheckpointState, encodeStateFile, parseStateFile, type StateFile } from "./checkpoint-state.ts";
import { type FileSystem, hashFile, kindOf, listDir, nodeFileSystem, toIoError, writeFile } from "./file-system.ts";
import { type ModelToSave, writeModelFiles } from "./model-dir.ts";
import { type OptimizerState, readOptimizer, writeOptimizer } from "./optimizer-file.ts";
import { ADAPTER_WEIGHTS_FILE, type Adapter, loadAdapter, writeAdapterFiles } from "./peft.ts";

/** What was trained: an adapter, or with full fine-tuning the whole model. */
export type TrainedWeights = { adapter: Adapter } | { model: ModelToSave };

export interface CheckpointToSave {
  /** The run's output directory; `checkpoints/` is made in it. */
  root: string;
  weights: TrainedWeights;
  optimizer: OptimizerState;
  /** Its `step` names the directory. */
  state: CheckpointState;
  fs?: FileSystem;
}

export interface CheckpointRef {
  step: number;
  dir: string;
}

/** A checkpoint read back. After full fine-tuning `adapter` is null: open `dir` with `openModelDir`. */
export interface Checkpoint extends CheckpointRef {
  state: CheckpointState;
  optimizer: OptimizerState;
  adapter: Adapter | null;
}

/** A disk that cannot be read says nothing about the checkpoint on it. */
const diskErrors: readonly EngineErrorCode[] = ["io", "disk_full"];

const STATE_FILE = "state.json";
const OPTIMIZER_FILE = "optimizer.safetensors";
const stepName = /^step-(\d{6,})$/;

/** The directory that holds the checkpoints of the run in `root`. */
export function checkpointsDir(root: string): string {
  return join(root, "checkpoints");
}

/**
 * Writes the checkpoint of `state.step`, replacing one of that step. Returns its directory and its files' names.
 * Throws `io` or `disk_full`, and then nothing has changed on disk.
 */
export async function saveCheckpoint(checkpoint: CheckpointToSave): Promise<{ dir: string; files: string[] }> {
  const { root, state, fs = nodeFileSystem } = checkpoint;
  const dir = join(checkpointsDir(root), `step-${String(state.step).padStart(6, "0")}`);
  const files: string[] = [];
  const write = async (tmpDir: string) => {
    await writeTensors(tmpDir, checkpoint, fs);
    const hashes = await hashFiles(tmpDir, await listDir(fs, tmpDir), fs);
    await writeFile(fs, join(tmpDir, STATE_FILE), encodeStateFile({ state, files: hashes }));
    files.push(...Object.keys(hashes), STATE_FILE);
  };
  await writeDirAtomically(dir, write, { fs, overwrite: true });
  return { dir, files: files.sort() };
}

async function writeTensors(dir: string, { weights, optimizer }: CheckpointToSave, fs: FileSystem): Promise<void> {
  if ("adapter" in weights) await writeAdapterFiles(dir, weights.adapter, fs);
  else await writeModelFiles(dir, weights.model, fs);
  await writeOptimizer(join(dir, OPTIMIZER_FILE), optimizer, fs);
}

async function hashFiles(dir: string, names: string[], fs: FileSystem): Promise<StateFile["files"]> {
  const hashes: StateFile["files"] = {};
  for (const name of names) hashes[name] = await hashFile(fs, join(dir, name));
  return hashes;
}

/** The checkpoints of the run in `root`, oldest first, damaged ones included. */
export async function listCheckpoints(root: string, fs: FileSystem = nodeFileSystem): Promise<CheckpointRef[]> {
  const names = await listDir(fs, checkpointsDir(root));
  return names
    .flatMap((name) => {
      const step = stepName.exec(name)?.[1];
      return step === undefined ? [] : [{ step: Number(step), dir: join(checkpointsDir(root), name) }];
    })
    .sort((a, b) => a.step - b.step);
}

/**
 * Reads one checkpoint after checking every file's hash. Throws `invalid_checkpoint`, naming the file, when something is
 * missing, damaged or from another step.
 */
export async function loadCheckpoint(dir: string, fs: FileSystem = nodeFileSystem): Promise<Checkpoint> {
  const { state, files } = await readStateFile(dir, fs);
  for (const [name, expected] of Object.entries(files)) await checkHash(join(dir, name), expected, fs);
  const optimizer = await readOptimizer(join(dir, OPTIMIZER_FILE), fs);
  const adapter = ADAPTER_WEIGHTS_FILE in files ? await loadAdapter(dir, fs) : null;
  return { step: state.step, dir, state, optimizer, adapter };
}

/**
 * Reads the newest checkpoint that is whole; `checkpoint` is null when there is none. Each damaged one that was passed over
 * is told of in `warnings`. Throws `io` when the disk cannot be read. Before resuming a run that may have been killed, call
 * `removeLeftovers(checkpointsDir(root))`.
 */
export async function loadLatestCheckpoint(
  root: string,
  fs: FileSystem = nodeFileSystem,
): Promise<{ checkpoint: Checkpoint | null; warnings: string[] }> {
  const warnings: string[] = [];
  for (const { dir } of (await listCheckpoints(root, fs)).reverse()) {
    try {
      return { checkpoint: await loadCheckpoint(dir, fs), warnings };
    } catch (error) {
      if (!isEngineError(error) || diskErrors.includes(error.code)) throw error;
      warnings.push(`Checkpoint ${dir} is not used: ${error.message}`);
    }
  }
  return { checkpoint: null, warnings };
}

/** Removes all but the newest `keep` checkpoints and those of the steps in `spare`. Returns the steps removed. */
export async function pruneCheckpoints(
  root: string,
  keep: number,
  { spare = [], fs = nodeFileSystem }: { spare?: readonly number[]; fs?: FileSystem } = {},
): Promise<number[]> {
  if (!Number.isInteger(keep) || keep < 1)
    throw new EngineError("invalid_config", `${keep} checkpoints cannot be kept; at least 1 is needed to resume.`);
  const doomed = (await listCheckpoints(root, fs)).slice(0, -keep).filter(({ step }) => !spare.includes(step));
  for (const { dir } of doomed) await removeDirAtomically(dir, fs);
  return doomed.map(({ step }) => step);
}

async function readStateFile(dir: string, fs: FileSystem): Promise<StateFile> {
  const path = join(dir, STATE_FILE);
  if ((await kindOf(fs, path)) !== "file") throw damaged(path, "is missing.");
  const text = await fs.readFile(path, "utf8").catch((error: unknown) => {
    throw toIoError(error, `Cannot read ${path}`);
  });
  const file = parseStateFile(text, path);
  const named = Number(stepName.exec(basename(dir))?.[1]);
  if (named !== file.state.step) throw damaged(path, `belongs to step ${file.state.step}, not to its directory.`);
  if (!(OPTIMIZER_FILE in file.files)) throw damaged(path, `lists no ${OPTIMIZER_FILE}.`);
  return file;
}

async function checkHash(path: string, expected: string, fs: FileSystem): Promise<void> {
  if ((await kindOf(fs, path)) !== "file") throw damaged(path, "is missing.");
  const found = await hashFile(fs, path).catch((error: unknown) => {
    throw toIoError(error, `Cannot read ${path}`);
  });
  if (found !== expected) throw damaged(path, `has SHA-256 ${found}, but was written with ${expected}.`);
}

const damaged = (path: string, problem: string) =>
  new EngineError("invalid_checkpoint", `${path} ${problem}`, {
    param: path,
    hint: "Resume from the checkpoint before it; it is chosen by itself.",
  });
