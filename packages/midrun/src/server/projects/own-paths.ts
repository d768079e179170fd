/** Data sets and models may be paths on the server's machine. Those in its data directory belong to a project like everything there. */
import { realpath } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { MidrunError } from "../../errors.ts";
import type { DatasetSource, JobSpec } from "../../protocol/job.ts";
import type { Runner } from "../runner.ts";
import type { Runners } from "../runners.ts";
import type { Store } from "../store.ts";

/** Throws for a path in the data directory that is not a job's of this project, in words that do not say whether it exists. */
export type CheckPath = (path: string, param: string) => Promise<void>;

/** Where a path leads, links followed as far as they exist. */
const target = (path: string) => realpath(path).catch(() => resolve(path));

export function createPathCheck({ dataDir, store }: { dataDir: string; store: Pick<Store, "getJob"> }): CheckPath {
  return async (path, param) => {
    const inside = relative(await target(dataDir), await target(path));
    if (inside.startsWith("..") || resolve(inside) === inside) return;
    const [folder, jobId] = inside.split(sep);
    if (folder === "jobs" && jobId !== undefined && (await store.getJob(jobId))) return;
    throw new MidrunError("invalid_request", `${param}: "${path}" is in the server's own directory.`, {
      param,
      hint: "Upload the file, or name the job's model.",
    });
  };
}

const pathsOf = (source: DatasetSource | undefined): string[] =>
  source?.type === "file" ? [source.path] : source?.type === "files" ? source.paths : [];

export async function checkSpecPaths({ dataset, evalDataset, model }: JobSpec, check: CheckPath): Promise<void> {
  for (const path of pathsOf(dataset)) await check(path, "dataset.path");
  for (const path of pathsOf(evalDataset)) await check(path, "evalDataset.path");
  await check(model, "model");
}

/** The same runners, answering with no model of another project. */
export function guardRunners(runners: Runners, check: CheckPath): Runners {
  const guard = (runner: Runner): Runner =>
    Object.assign(Object.create(runner) as Runner, {
      async *generate(...[input]: Parameters<Runner["generate"]>) {
        await check(input.model, "model");
        yield* runner.generate(input);
      },
    });
  return Object.fromEntries(Object.entries(runners).map(([name, runner]) => [name, guard(runner)]));
}
