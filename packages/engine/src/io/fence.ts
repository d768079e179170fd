/**
 * Keeps a run that was given up away from its directory. Each run has a number, larger than those before it; its fence is an
 * empty file of that number in the directory, and whoever finds a larger one there writes nothing more.
 */
import { join } from "node:path";
import { EngineError } from "../util.ts";
import { type FileSystem, listDir, makeDir, nodeFileSystem, syncDir, toIoError, writeFile } from "./file-system.ts";

const fenceName = /^\.midrun-fence-(\d{1,15})$/;

const pathOf = (dir: string, number: number) => join(dir, `.midrun-fence-${number}`);

async function fencesIn(dir: string, fs: FileSystem): Promise<number[]> {
  return (await listDir(fs, dir)).flatMap((name) => {
    const number = fenceName.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** Throws `aborted` when a later run than `number` has begun in `dir`. */
export async function checkFence(dir: string, number: number, fs: FileSystem = nodeFileSystem): Promise<void> {
  const latest = Math.max(0, ...(await fencesIn(dir, fs)));
  if (latest <= number) return;
  throw new EngineError("aborted", `Run ${latest} goes on in ${dir}, so run ${number} ends without writing there.`, {
    param: dir,
  });
}

/** From now on no run below `number` writes in `dir`, which is made when missing. Throws `aborted` as `checkFence`, and `io`. */
export async function raiseFence(dir: string, number: number, fs: FileSystem = nodeFileSystem): Promise<void> {
  try {
    await makeDir(fs, dir);
    await writeFile(fs, pathOf(dir, number), "");
    await syncDir(fs, dir);
    // Two that raise at once both see the larger number, whichever wrote first.
    const lower = (await fencesIn(dir, fs)).filter((each) => each < number);
    for (const each of lower) await fs.rm(pathOf(dir, each), { force: true });
  } catch (error) {
    throw toIoError(error, `Cannot begin a run in ${dir}`);
  }
  await checkFence(dir, number, fs);
}
