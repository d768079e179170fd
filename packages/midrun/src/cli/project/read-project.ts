/** A project's trainers, and what they would train, without training: imported, validated, their data files looked for. */
import { access } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { MidrunError } from "../../errors.ts";
import type { DatasetSource, JobSpecInput } from "../../protocol/job.ts";
import type { Trainer } from "../../trainer/create-trainer.ts";
import { loadTrainers } from "../../trainer/run-trainer.ts";
import { type ProjectModule, traceModules } from "./module-graph.ts";

export interface Project {
  trainers: readonly Trainer[];
  modules: readonly ProjectModule[];
}

/** Throws `invalid_config` for an entry without trainers, and for a data file that is not there. */
export async function readProject(entry: string, cwd: string): Promise<Project> {
  const path = resolve(cwd, entry);
  const [trainers, modules] = await traceModules(path, () => loadTrainers(path));
  const all = Object.values(trainers);
  for (const { name, spec } of all) await checkFiles(name, spec, cwd);
  return { trainers: all, modules };
}

async function checkFiles(trainer: string, { dataset, evalDataset }: JobSpecInput, cwd: string): Promise<void> {
  await checkSource(trainer, "dataset", dataset, cwd);
  if (evalDataset) await checkSource(trainer, "evalDataset", evalDataset, cwd);
}

async function checkSource(trainer: string, field: string, source: DatasetSource, cwd: string): Promise<void> {
  const paths = source.type === "file" ? [source.path] : source.type === "files" ? source.paths : [];
  for (const path of paths.filter((each) => !/[*?[{]/.test(each))) {
    const absolute = isAbsolute(path) ? path : resolve(cwd, path);
    await access(absolute).catch((cause: unknown) => {
      throw new MidrunError(
        "invalid_config",
        `Trainer "${trainer}": ${field} names ${path}, and there is no ${absolute}.`,
        {
          param: field,
          hint: "Relative paths begin where you run midrun.",
          cause,
        },
      );
    });
  }
}
