/** Trains and answers with `@midrun/engine`, in worker processes: a crash there never takes the server down. */
import { readdir } from "node:fs/promises";
import type { TrainResult } from "@midrun/engine";
import { MidrunError } from "../../errors.ts";
import { type Artifact, type Job, type JobSpec, weightBitsOf } from "../../protocol/job.ts";
import { generateOptions, type Runner, type RunnerEvent, type TrainOutcome, type TrainPlace } from "../runner.ts";
import { checkDataset } from "./check-dataset.ts";
import { type CommandLine, createCommandLine } from "./command-line.ts";
import { toOutcome, toSavedEvent } from "./engine-messages.ts";
import { createModelFinder, type Engine } from "./model-finder.ts";
import { type CountKills, trainInLess } from "./out-of-memory.ts";
import { toTrainSpec, trainDefaults } from "./train-spec.ts";
import { createWorkerPool, type WorkerPool } from "./worker-pool.ts";
import type { GenerationWeights } from "./worker-process.ts";
import { generateInWorker, trainInWorker } from "./worker-requests.ts";

export interface EmbeddedRunnerOptions {
  /** Default: `@midrun/engine/host`, loaded when it is first needed. */
  loadEngine?: () => Promise<Engine>;
  /** Models kept in memory with nothing to do. Default 1. */
  maxIdle?: number;
  /** Time for a worker to end by itself. Default 4000. */
  killAfterMs?: number;
  /** How long a cancelled training may take to obey; then its worker is ended. Default 2000. */
  cancelAfterMs?: number;
  /** How long a new job may wait for its model to be found; a longer download goes on while the job is queued. Default 5000. */
  preflightMs?: number;
  /** Processes that the system killed for want of memory so far. Default: its own count. */
  countKills?: CountKills;
  /**
   * What answers are computed with. Default: by the model's size, exact weights (`f32`) for small ones, 8 bits from 100 million weights on,
   * 4 where those do not fit.
   */
  generationWeights?: GenerationWeights;
}

async function artifactOf(
  { adapterDir, step, resultStep = step }: TrainResult,
  { spec }: Job,
): Promise<Artifact | null> {
  if (adapterDir === null) return null;
  const kind = spec.lora === false ? "model" : "adapter";
  return { kind, step: resultStep, path: adapterDir, files: (await readdir(adapterDir)).sort() };
}

/** A worker that does not even obey the end of a cancelled training. */
const endAfterMs = 1000;

/** Something that must not last: `begin` gives it its time. */
function createDeadline(afterMs: number, over: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let passed = false;
  const pass = () => {
    passed = true;
    over();
  };
  return {
    begin() {
      timer ??= setTimeout(pass, afterMs);
    },
    end: () => clearTimeout(timer),
    hasPassed: () => passed,
  };
}

const cancelledAt = (step: number): TrainOutcome => ({ status: "cancelled", step, artifact: null, metrics: null });

/** A runner over the embedded engine. */
export function createEmbeddedRunner(options: EmbeddedRunnerOptions = {}): Runner {
  const {
    loadEngine = () => import("@midrun/engine/host"),
    maxIdle = 1,
    killAfterMs = 4000,
    cancelAfterMs = 2000,
    preflightMs = 5000,
    countKills,
    generationWeights,
  } = options;
  const models = createModelFinder(loadEngine);
  let pool: WorkerPool | undefined;
  let closed = false;
  let requests = 0;

  async function acquire(model: string, work: "train" | "generate", weightBits: 4 | 8 | null) {
    const [{ workerPath }, modelDir] = await Promise.all([models.engine(), models.find(model)]);
    if (closed) throw new MidrunError("aborted", "The embedded engine is closed.");
    pool ??= createWorkerPool({ workerPath, maxIdle, killAfterMs, countKills, generationWeights });
    return { ...pool.acquire({ modelDir, modelName: model, weightBits }, work), modelDir, id: `${++requests}` };
  }

  function runTraining(
    job: Job,
    place: TrainPlace,
    onEvent: (event: RunnerEvent) => void,
    commands: CommandLine,
  ): Promise<TrainOutcome> {
    return trainInLess((parts) => runInWorker(job, { ...place, parts }, onEvent, commands), {
      batchSize: job.spec.batchSize ?? trainDefaults.batchSize,
      onWarning: (message) => onEvent({ type: "training.warning", message }),
    });
  }

  async function runInWorker(
    job: Job,
    { jobDir, lease, initialAdapterDir, parts }: TrainPlace & { parts: number },
    onEvent: (event: RunnerEvent) => void,
    commands: CommandLine,
  ): Promise<TrainOutcome> {
    const { worker, release, end, modelDir, id } = await acquire(job.model, "train", weightBitsOf(job.spec));
    const cancelling = createDeadline(cancelAfterMs, () => end(endAfterMs));
    try {
      const place = { modelDir, outputDir: jobDir, fence: lease, initialAdapterDir, startedAt: job.startedAt };
      const told = { microBatchParts: parts, historyStep: job.step };
      const order = toTrainSpec({ ...job.spec, model: job.model }, { ...place, ...told });
      let { step } = job;
      const ended = trainInWorker(worker, id, order, (event) => {
        if (event.type === "training.log") step = event.step;
        onEvent(event);
      });
      commands.connect((command) => {
        worker.tell({ type: "command", id, command });
        if (command === "cancel") cancelling.begin();
      });
      const result = await ended.catch((error) => {
        // It was ended because it did not obey in time: what was asked for has come about.
        if (cancelling.hasPassed()) return null;
        throw error;
      });
      return result === null ? cancelledAt(step) : toOutcome(result, await artifactOf(result, job));
    } finally {
      cancelling.end();
      commands.disconnect();
      // Whoever pauses or cancels wants the machine back.
      release({ keep: commands.last === null || commands.last === "stop" });
    }
  }

  async function recover(job: Job, { jobDir, lease }: Pick<TrainPlace, "jobDir" | "lease">): Promise<RunnerEvent[]> {
    const { raiseFence, findCheckpoints } = await models.engine();
    await raiseFence(jobDir, lease);
    const told = job.artifacts.filter(({ kind }) => kind === "checkpoint").map(({ step }) => step);
    const found = await findCheckpoints(jobDir);
    const untold = found.filter(({ step }) => !told.includes(step));
    const removedSteps = told.filter((step) => found.every((each) => each.step !== step));
    return untold.map((each) => ({
      ...toSavedEvent(each, job.totalSteps),
      // It is the newest one that the others gave way to.
      ...(each === untold.at(-1) && removedSteps.length > 0 ? { removedSteps } : {}),
    }));
  }

  return {
    can: generateOptions,

    async preflight(spec: JobSpec) {
      toTrainSpec(spec, { modelDir: "", outputDir: "" });
      await checkDataset(spec.dataset, "dataset", models.engine);
      if (spec.evalDataset) await checkDataset(spec.evalDataset, "evalDataset", models.engine);
      await models.findWithin(spec.model, preflightMs);
    },

    train(job, place, onEvent) {
      const commands = createCommandLine();
      const result = runTraining(job, place, onEvent, commands);
      return { result, command: commands.give };
    },

    recover,

    async *generate(input) {
      const { worker, release, id } = await acquire(input.model, "generate", input.weightBits ?? null);
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
