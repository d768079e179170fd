/** The checkpoints that a run left on disk, for whoever was not there when they were written. */
import { join } from "node:path";
import { isEngineError } from "../util.ts";
import { type CheckpointRef, listCheckpoints } from "./checkpoint.ts";
import { type CheckpointState, parseStateFile } from "./checkpoint-state.ts";
import { errnoOf, type FileSystem, listDir, nodeFileSystem, toIoError } from "./file-system.ts";

export interface FoundCheckpoint extends CheckpointRef, Pick<CheckpointState, "epoch" | "metrics"> {
  files: string[];
}

/**
 * Lowest step first. Leaves out what cannot be read as a checkpoint; the hashes of its files are compared when a run
 * continues from it. Throws `io`.
 */
export async function findCheckpoints(root: string, fs: FileSystem = nodeFileSystem): Promise<FoundCheckpoint[]> {
  const found = await Promise.all((await listCheckpoints(root, fs)).map((each) => readCheckpoint(each, fs)));
  return found.filter((each) => each !== null);
}

async function readCheckpoint({ step, dir }: CheckpointRef, fs: FileSystem): Promise<FoundCheckpoint | null> {
  const path = join(dir, "state.json");
  try {
    const { state } = parseStateFile(await fs.readFile(path, "utf8"), path);
    const { epoch, metrics } = state;
    return { step, dir, files: (await listDir(fs, dir)).sort(), epoch, metrics };
  } catch (error) {
    if (isEngineError(error) || errnoOf(error) === "ENOENT") return null;
    throw toIoError(error, `Cannot read ${path}`);
  }
}
