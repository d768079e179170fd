/** Gives queued jobs to runners, obeys commands, and writes every change of a job's status. */
import { MidrunError } from "../errors.ts";
import type { JobSpec } from "../protocol/job.ts";
import { type Clock, timestampOf } from "./clock.ts";
import type { EventLog } from "./event-log.ts";
import type { FineTuningRecord } from "./fine-tuning/record.ts";
import { newFineTuningJobId, newJobId, type RandomBytes, randomAlphanumerics } from "./ids.ts";
import { toJob } from "./job-view.ts";
import type { ModelAliases } from "./model-aliases.ts";
import { toModelName } from "./model-name.ts";
import { resolveModel } from "./resolve-model.ts";
import { type Run, type RunResult, startRun } from "./run.ts";
import { pickRunner, type Runners } from "./runners.ts";
import { createSerial } from "./serial.ts";
import type { IdempotencyKey, JobChange, JobFields, JobRecord, Store } from "./store.ts";
import { type CloseMode, type Command, commandChange, endChange, orphanChange, recordChange } from "./transitions.ts";
import type { ResolveSpec } from "./uploaded-datasets.ts";

export interface SchedulerOptions {
  store: Store;
  log: EventLog;
  runners: Runners;
  /** Directory for everything that the job writes. */
  jobDirOf: (jobId: string) => string;
  clock: Clock;
  /** Jobs in training at the same time. Default 1. */
  slots?: number;
  /** Names that stand for base models. Default: none. */
  modelAliases?: ModelAliases;
  random?: RandomBytes;
  /** Puts what runners can read in place of what they cannot. Default: nothing is replaced. */
  resolveSpec?: ResolveSpec;
  /** Makes what is to be stored with a job's completion, before anyone hears of that. */
  complete?: (job: JobRecord) => Promise<Partial<JobFields>>;
  /** Told of what no caller can be told: a store that fails while a job ends. */
  onError: (error: unknown) => void;
}

export interface CloseOptions {
  /** Default `requeue`: running jobs save a checkpoint, and go on when the server is back. */
  jobs?: CloseMode;
  /** How long running jobs may take to finish their step; then they lose what they did since their last checkpoint. Default 30,000. */
  graceMs?: number;
}

export interface Scheduler {
  /** Puts orphans (jobs that a dead server left running) back into the queue and begins to work on it. Call it once. */
  start(): Promise<void>;
  /**
   * Queues a job. The same key with the same spec gives the same job again. One with a fine-tuning record is held until
   * it is released.
   */
  submit(spec: JobSpec, key?: IdempotencyKey, fineTuning?: FineTuningRecord | null): Promise<JobRecord>;
  /** Makes a change that may let a held job go. Gives the job as it is before it is started. Throws `job_not_found`. */
  release(jobId: string, change: JobChange): Promise<JobRecord>;
  /**
   * Gives the job as it is then: a running one obeys after its current step.
   * Throws `job_not_found`; `invalid_state` with the current status when the job's status does not allow it.
   */
  command(command: Command, jobId: string, key?: IdempotencyKey): Promise<JobRecord>;
  /** Stops running jobs after their current step, closes the runners and ends every follower. */
  close(options?: CloseOptions): Promise<void>;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { store, log, runners, jobDirOf, clock, slots = 1, modelAliases = {}, random, onError } = options;
  const { resolveSpec = async (spec) => spec, complete = async () => ({}) } = options;
  const now = () => timestampOf(clock);
  const runs = new Map<string, Run>();
  const endings = new Map<string, Promise<void>>();
  /** Every decision about a status is made alone. */
  const alone = createSerial();
  let closing: CloseMode | null = null;

  async function getJob(jobId: string): Promise<JobRecord> {
    const job = await store.getJob(jobId);
    if (job) return job;
    throw new MidrunError("job_not_found", `There is no job "${jobId}".`, { param: "id" });
  }

  async function fillSlots(): Promise<void> {
    while (!closing && runs.size < slots) {
      const job = await store.nextQueued();
      if (!job) return;
      await begin(job);
    }
  }
  /** The caller's own request is done; what the next job meets is not its concern. */
  const fill = () => fillSlots().catch(onError);

  async function begin(job: JobRecord): Promise<void> {
    const startedAt = job.startedAt ?? now();
    await log.change(job.id, { from: ["queued"], set: { status: "running", startedAt } });
    const running = { ...toJob(job), status: "running" as const, startedAt };
    const [origin, spec] = await Promise.allSettled([
      resolveModel({ store, runners, modelAliases }, job.spec.model),
      resolveSpec(job.spec, "accepted"),
    ]);
    const run = startRun({
      train(onEvent) {
        if (origin.status === "rejected") throw origin.reason;
        if (spec.status === "rejected") throw spec.reason;
        const runner = pickRunner(runners, job.spec.engine);
        return runner.train({ ...running, spec: spec.value }, jobDirOf(job.id), onEvent, origin.value.adapterDir);
      },
      now,
      record: async (events) => void (await log.change(job.id, recordChange(events))),
    });
    runs.set(job.id, run);
    const ending = run.result.then((result) => alone(() => end(job.id, result))).catch(onError);
    endings.set(job.id, ending);
  }

  async function end(jobId: string, result: RunResult): Promise<void> {
    runs.delete(jobId);
    endings.delete(jobId);
    try {
      const job = await getJob(jobId);
      const change = endChange(job, result, closing, now());
      const extra = change.set?.status === "completed" ? await completion(job) : {};
      await log.change(jobId, { ...change, set: { ...change.set, ...extra } });
    } finally {
      await fill();
    }
  }

  /** A job that was trained is completed, whatever cannot be written about it. */
  async function completion(job: JobRecord): Promise<Partial<JobFields>> {
    try {
      return await complete(job);
    } catch (error) {
      onError(error);
      return {};
    }
  }

  async function applyCommand(command: Command, jobId: string, key?: IdempotencyKey): Promise<JobRecord> {
    const earlier = key && (await store.findKey(key));
    if (earlier) return getJob(earlier);
    const job = await getJob(jobId);
    await log.change(jobId, { ...commandChange(command, job, now()), ...(key ? { key } : {}) });
    if (command !== "resume") runs.get(jobId)?.command(command);
    const changed = await getJob(jobId);
    await fill();
    return changed;
  }

  /** `model`: the base model, also of a job that goes on from another one's result. */
  function newJob(spec: JobSpec, model: string, fineTuning: FineTuningRecord | null) {
    const { name } = spec;
    const id = fineTuning ? newFineTuningJobId(random) : newJobId(random);
    const suffix = fineTuning ? (fineTuning.suffix ?? "") : name;
    const modelName = toModelName(model, suffix, randomAlphanumerics(8, random));
    return { id, name, model, modelName, spec, createdAt: now(), held: fineTuning !== null, fineTuning };
  }

  async function requeueOrphans(): Promise<void> {
    for (;;) {
      const { data } = await store.listJobs({ limit: 100, status: ["running"] });
      if (data.length === 0) return;
      for (const job of data) await log.change(job.id, orphanChange(job, now()));
    }
  }

  async function endedWithin(graceMs: number): Promise<void> {
    const grace = Promise.withResolvers<void>();
    const stopWaiting = clock.after(graceMs, grace.resolve);
    await Promise.race([Promise.all(endings.values()), grace.promise]);
    stopWaiting();
  }

  async function stop({ jobs = "requeue", graceMs = 30_000 }: CloseOptions): Promise<void> {
    closing = jobs;
    // After this no job is being started.
    await alone(async () => {
      for (const run of runs.values()) run.command("pause");
    });
    if (graceMs > 0) await endedWithin(graceMs);
    await Promise.all(Object.values(runners).map((runner) => runner.close()));
    await Promise.all(endings.values());
    await alone(async () => log.close());
  }

  let stopped: Promise<void> | undefined;

  return {
    start: () =>
      alone(async () => {
        await requeueOrphans();
        await fill();
      }),

    async submit(spec, key, fineTuning = null) {
      const earlier = key && (await store.findKey(key));
      if (earlier) return getJob(earlier);
      const { model } = await resolveModel({ store, runners, modelAliases }, spec.model);
      await pickRunner(runners, spec.engine).preflight(await resolveSpec({ ...spec, model }, "new"));
      return alone(async () => {
        if (closing) throw new MidrunError("aborted", "The server is ending and takes no new jobs.");
        const first = { type: "training.queued", timestamp: now() } as const;
        const job = await log.create(newJob(spec, model, fineTuning), first, key);
        await fill();
        return job;
      });
    },

    release: (jobId, change) =>
      alone(async () => {
        await log.change(jobId, change);
        const job = await getJob(jobId);
        await fill();
        return job;
      }),

    command: (command, jobId, key) => alone(() => applyCommand(command, jobId, key)),
    close: (close = {}) => {
      stopped ??= stop(close);
      return stopped;
    },
  };
}
