/** `runTrainer`: finds a project's trainer and runs it to the end. */
import { isMidrunError, MidrunError } from "../errors.ts";
import type { Job } from "../protocol/job.ts";
import { isMidrun, isTrainer } from "./create-midrun.ts";
import type { Trainer } from "./create-trainer.ts";
import type { TrainerResult } from "./follow-job.ts";

/** Where the CLI and Studio look, relative to the working directory. */
const defaultEntry = "src/midrun/index.ts";

export interface RunTrainerOptions {
  /** Which of the project's trainers; needed when there are several. */
  trainer?: string;
}

/**
 * Runs the trainer that `file` (default `src/midrun/index.ts`) exports as `midrun`, `trainer` or default.
 *
 * @throws MidrunError `invalid_config` when no trainer is found there, `job_failed` or `job_cancelled` when the job ended so.
 */
export async function runTrainer(file = defaultEntry, options: RunTrainerOptions = {}): Promise<TrainerResult> {
  const result = await (await loadTrainer(file, options)).wait();
  assertCompleted(result.job);
  return result;
}

/** Throws for a job that is over and did not complete. */
function assertCompleted({ id, name, status, step, error }: Job): void {
  if (status === "completed") return;
  const what = `Job "${name}" (${id}) ${status === "cancelled" ? "was cancelled" : status} at step ${step}`;
  const why = error ? `: ${error.message}` : ".";
  throw new MidrunError(status === "cancelled" ? "job_cancelled" : "job_failed", what + why, {
    param: error?.param,
    hint: error?.hint,
  });
}

/** Imports the project's entry and picks its trainer, without starting it. Throws `invalid_config`. */
export async function loadTrainer(file: string, { trainer }: RunTrainerOptions = {}): Promise<Trainer> {
  const trainers = await loadTrainers(file);
  const names = Object.keys(trainers);
  if (trainer === undefined && names.length > 1) {
    throw invalid("trainer", `${file} has ${names.length} trainers: ${names.join(", ")}`, "Say which one by its name.");
  }
  const name = trainer ?? names[0]!;
  if (Object.hasOwn(trainers, name)) return trainers[name]!;
  throw invalid("trainer", `${file} has no trainer "${name}"`, `It has ${names.join(", ")}.`);
}

/** Every trainer that the entry exports, by name; starts none. Throws `invalid_config`. */
export async function loadTrainers(file: string): Promise<Readonly<Record<string, Trainer>>> {
  return trainersOf(await importEntry(file), file);
}

function trainersOf(exported: Record<string, unknown>, file: string): Readonly<Record<string, Trainer>> {
  const candidate = exported.midrun ?? exported.trainer ?? exported.default;
  if (isMidrun(candidate)) return candidate.trainers;
  if (isTrainer(candidate)) return { [candidate.name]: candidate };
  const found = Object.keys(exported).join(", ") || "nothing";
  throw invalid(
    "file",
    `${file} exports no midrun, trainer or default that is a trainer (it exports ${found})`,
    "Add: export const midrun = createMidrun({ trainer: createTrainer({ … }) });",
  );
}

async function importEntry(file: string): Promise<Record<string, unknown>> {
  const [{ resolve }, { pathToFileURL }, { existsSync }] = await Promise.all([
    import("node:path"),
    import("node:url"),
    import("node:fs"),
  ]);
  const path = resolve(file);
  if (!existsSync(path)) {
    throw invalid(
      "file",
      `There is no ${path}`,
      `Pass your entry's path, or put it at ${defaultEntry}: npx midrun init writes one.`,
    );
  }
  try {
    return await import(pathToFileURL(path).href);
  } catch (cause) {
    if (isMidrunError(cause)) throw cause;
    throw new MidrunError(
      "invalid_config",
      `${file} cannot be imported: ${cause instanceof Error ? cause.message : cause}`,
      {
        param: "file",
        cause,
      },
    );
  }
}

function invalid(param: string, message: string, hint: string): MidrunError {
  return new MidrunError("invalid_config", `${message}.`, { param, hint });
}
