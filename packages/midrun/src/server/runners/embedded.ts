/** Trains and answers with `@midrun/engine`, in worker processes: a crash there never takes the server down. */
import { readdir } from "node:fs/promises";
import type { TrainCommand, TrainResult } from "@midrun/engine";
import { MidrunError } from "../../errors.ts";
import type { Artifact, Job, JobSpec } from "../../protocol/job.ts";
import { generateOptions, type Runner, type RunnerEvent, type TrainOutcome } from "../runner.ts";
import { checkDataset } from "./check-dataset.ts";
import { toOutcome } from "./engine-messages.ts";
import { createModelFinder, type Engine } from "./model-finder.ts";
import { toTrainSpec } from "./train-spec.ts";
import { createWorkerPool, type WorkerPool } from "./worker-pool.ts";
import { generateInWorker, trainInWorker } from "./worker-requests.ts";

export interface EmbeddedRunnerOptions {
  /** Default: `@midrun/engine/host`, loaded when it is first needed. */
  loadEngine?: () => Promise<Engine>;
  /** Models kept in memory with nothing to do. Default 1. */
  maxIdle?: number;
  /** Time for a worker to end by itself. Default 4000. */
  killAfterMs?: number;
  /** How long a new job may wait for its model to be found; a longer download goes on while the job is queued. Default 5000. */
  preflightMs?: number;
}

async function artifactOf(
  { adapterDir, step, resultStep = step }: TrainResult,
  { spec }: Job,
): Promise<Artifact | null> {
  if (adapterDir === null) return null;
  const kind = spec.lora === false ? "model" : "adapter";
  return { kind, step: resultStep, path: adapterDir, files: (await readdir(adapterDir)).sort() };
}

/** Keeps the command that comes before there is a worker to obey it. */
function createCommandLine() {
  let last: TrainCommand | null = null;
  let pass: ((command: TrainCommand) => void) | null = null;
  return {
    give(command: TrainCommand) {
      if (last !== "cancel") last = command;
      pass?.(command);
    },
    connect(to: (command: TrainCommand) => void) {
      pass = to;
      if (last) to(last);
    },
    disconnect() {
      pass = null;
    },
  };
}
type CommandLine = ReturnType<typeof createCommandLine>;

/** Where a training reads, writes and tells. */
interface TrainingPlace {
  jobDir: string;
  initialAdapterDir: string | null;
  onEvent(event: RunnerEvent): void;
}

/** A runner over the embedded engine. */
export function createEmbeddedRunner(options: EmbeddedRunnerOptions = {}): Runner {
  const {
    loadEngine = () => import("@midrun/engine/host"),
    maxIdle = 1,
    killAfterMs = 4000,
    preflightMs = 5000,
  } = options;
  const models = createModelFinder(loadEngine);
  let pool: WorkerPool | undefined;
  let closed = false;
  let requests = 0;

  async function acquire(model: string, work: "train" | "generate") {
    const [{ workerPath }, modelDir] = await Promise.all([models.engine(), models.find(model)]);
    if (closed) throw new MidrunError("aborted", "The embedded engine is closed.");
    pool ??= createWorkerPool({ workerPath, maxIdle, killAfterMs });
    return { ...pool.acquire(modelDir, model, work), modelDir, id: `${++requests}` };
  }

  async function runTraining(
    job: Job,
    { jobDir, initialAdapterDir, onEvent }: TrainingPlace,
    commands: CommandLine,
  ): Promise<TrainOutcome> {
    const { worker, release, modelDir, id } = await acquire(job.model, "train");
    try {
      const place = { modelDir, outputDir: jobDir, initialAdapterDir, startedAt: job.startedAt };
      const order = toTrainSpec({ ...job.spec, model: job.model }, place);
      const ended = trainInWorker(worker, id, order, onEvent);
      commands.connect((command) => worker.tell({ type: "command", id, command }));
      const result = await ended;
      return toOutcome(result, await artifactOf(result, job));
    } finally {
      commands.disconnect();
      release();
    }
  }

  return {
    can: generateOptions,

    async preflight(spec: JobSpec) {
      toTrainSpec(spec, { modelDir: "", outputDir: "" });
      await checkDataset(spec.dataset, "dataset", models.engine);
      if (spec.evalDataset) await checkDataset(spec.evalDataset, "evalDataset", models.engine);
      await models.findWithin(spec.model, preflightMs);
    },

    train(job, jobDir, onEvent, initialAdapterDir = null) {
      const commands = createCommandLine();
      const result = runTraining(job, { jobDir, initialAdapterDir, onEvent }, commands);
      return { result, command: commands.give };
    },

    async *generate(input) {
      const { worker, release, id } = await acquire(input.model, "generate");
      try {
        yield* generateInWorker(worker, id, input);
      } finally {
        release();
      }
    },

    async close() {
      closed = true;
      await pool?.close();
    },
  };
}
