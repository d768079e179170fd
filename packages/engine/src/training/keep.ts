/** The checkpoints of a run on disk: which one is the best, and which may go. */
import { basename, join } from "node:path";
import { writeFileAtomically } from "../io/atomic.ts";
import { checkpointsDir, listCheckpoints, pruneCheckpoints } from "../io/checkpoint.ts";
import { type FileSystem, nodeFileSystem } from "../io/file-system.ts";
import { toJsonText } from "../io/json-file.ts";
import type { TrainSpec } from "../spec.ts";
import { EngineError } from "../util.ts";
import { type Best, forgetBest } from "./best.ts";

type Keeping = Pick<TrainSpec, "outputDir" | "keepCheckpoints">;

const bestFile = (root: string) => join(checkpointsDir(root), "best.json");

/** Throws `invalid_config` for a number of checkpoints that cannot be kept. */
export function checkKeeping({ keepCheckpoints: keep }: Keeping): void {
  if (keep === undefined || (Number.isInteger(keep) && keep >= 1)) return;
  throw new EngineError("invalid_config", `keepCheckpoints is ${keep}; it must be a whole number, 1 or more.`, {
    param: "keepCheckpoints",
    hint: "At least the newest is needed to resume. Leave it out to keep all.",
  });
}

/**
 * Points `checkpoints/best.json` (`{step, dir, metric, value}`, `dir` relative to it) at the best checkpoint, then removes all but
 * the newest `keepCheckpoints` and the best. Returns the steps removed.
 */
export async function keepCheckpoints(
  { outputDir: root, keepCheckpoints: keep }: Keeping,
  best: Best,
  fs: FileSystem = nodeFileSystem,
): Promise<number[]> {
  const checkpoints = await listCheckpoints(root, fs);
  const { bestStep: step, bestValue: value } = best.state;
  const found = checkpoints.find((checkpoint) => checkpoint.step === step);
  if (found !== undefined) {
    const content = toJsonText({ step, dir: basename(found.dir), metric: best.metric, value });
    await writeFileAtomically(bestFile(root), content, fs);
  }
  return keep === undefined ? [] : pruneCheckpoints(root, keep, { spare: step === null ? [] : [step], fs });
}

/** After a resume: makes the pointer true again, or, where the best checkpoint is gone, forgets it. Returns warnings. */
export async function resumeKeeping(
  { outputDir: root }: Keeping,
  best: Best,
  fs: FileSystem = nodeFileSystem,
): Promise<string[]> {
  const { bestStep } = best.state;
  if (bestStep === null) return [];
  const exists = (await listCheckpoints(root, fs)).some(({ step }) => step === bestStep);
  if (!exists) forgetBest(best);
  else await keepCheckpoints({ outputDir: root }, best, fs);
  return exists ? [] : [`The best checkpoint, of step ${bestStep}, is gone; the best is chosen anew from here on.`];
}
