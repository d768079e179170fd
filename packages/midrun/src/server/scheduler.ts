/** Gives queued jobs to runners, obeys commands, and writes every change of a job's status. */
import { MidrunError } from "../errors.ts";
import type { JobSpec } from "../protocol/job.ts";
import { type Clock, timestampOf } from "./clock.ts";
import type { EventLog } from "./event-log.ts";
import type { FineTuningRecord } from "./fine-tuning/record.ts";
import { newFineTuningJobId, newJobId, type RandomBytes, randomAlphanumerics } from "./ids.ts";
import { toJob } from "./job-view.ts";
import { createLeaseKeeper, listRunning, startTicking } from "./lease-keeper.ts";
import type { ModelAliases } from "./model-aliases.ts";
import { toModelName } from "./model-name.ts";
import { resolveModel } from "./resolve-model.ts";
import { type Run, type RunResult, startRun, type TimedEvent } from "./run.ts";
import { pickRunner, type Runners } from "./runners.ts";
import { createSerial } from "./serial.ts";
import { type HasSpace, hasSpace as hasSpaceOnDisk, waitsForSpace, watchSpace } from "./space-watch.ts";
import type { IdempotencyKey, JobChange, JobFields, JobRecord, Store } from "./store.ts";
import {
  type CloseMode,
  type Command,
  commandChange,
  endChange,
  joinChanges,
  type OrphanPolicy,
  orphanChange,
  processEnded,
  recordChange,
  withArtifacts,
} from "./transitions.ts";
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
  /** Told of every job that begins or continues to train. */
  begun?: (job: JobRecord) => void;
  /** Makes what is to be stored with a job's completion, before anyone hears of that. */
  complete?: (job: JobRecord) => Promise<Partial<JobFields>>;
  /** What becomes of jobs that were running when their server died, unless they say so themselves. Default `resume`. */
  onRestart?: "resume" | "fail";
  /**
   * Take up jobs that an earlier server left behind. Default true. False: queued ones wait for a server that does, or for
   * `resume`; running ones are paused.
   */
  adopt?: boolean;
  /** How long another scheduler over the same store may be silent before its jobs are taken from it. Default 15,000. */
  leaseMs?: number;
  /** Whether a job that a full disk stopped can go on. Default: when 64 MiB are free. */
  hasSpace?: HasSpace;
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
  /** Settles orphans (jobs that a dead server left running) and begins to work on the queue. Call it once. */
  start(): Promise<void>;
  /**
   * Queues a job. The same key with the same spec gives the same job again. One with a fine-tuning record is held until
   * it is released. `projectId`: its owner, by default the default project.
   */
  submit(
    spec: JobSpec,
    key?: IdempotencyKey,
    fineTuning?: FineTuningRecord | null,
    projectId?: string,
  ): Promise<JobRecord>;
  /** Makes a change that may let a held job go. Gives the job as it is before it is started. Throws `job_not_found`. */
  release(jobId: string, change: JobChange): Promise<JobRecord>;
  /**
   * Gives the job as it is then: a running one obeys after its current step.
   * Throws `job_not_found`; `invalid_state` with the current status when the job's status does not allow it.
   */
  command(command: Command, jobId: string, key?: IdempotencyKey): Promise<JobRecord>;
  /** True from the moment that `close` was called. */
  readonly closing: boolean;
  /** Stops running jobs after their current step, closes the runners and ends every follower. */
  close(options?: CloseOptions): Promise<void>;
}

/** Time between two attempts to write how a job ended. */
const writeAgainMs = 5000;

const takenOver = (jobId: string) =>
  new MidrunError("aborted", `Job ${jobId} was taken over by another server while this one trained it.`, {
    hint: "This one was silent for too long: was its machine asleep or overloaded?",
  });

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { store, log, runners, jobDirOf, clock, slots = 1, modelAliases = {}, random, onError } = options;
  const { onRestart = "resume", adopt = true, leaseMs = 15_000, hasSpace = hasSpaceOnDisk } = options;
  const { resolveSpec = async (spec) => spec, complete = async () => ({}), begun = () => {} } = options;
  const now = () => timestampOf(clock);
  const holder = `srv_${randomAlphanumerics(12, random)}`;
  const runs = new Map<string, Run & { token: number }>();
  /** Jobs that were submitted or resumed here. */
  const own = new Set<string>();
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
      const job = await store.claimJob({ holder, startedAt: now(), ...(adopt ? {} : { among: [...own] }) });
      if (!job) return;
      await begin(job);
    }
  }
  /** The caller's own request is done; what the next job meets is not its concern. */
  const fill = () => fillSlots().catch(onError);

  async function begin(job: JobRecord): Promise<void> {
    const { token } = job.lease;
    const [origin, spec] = await Promise.allSettled([
      resolveModel({ store, runners, modelAliases }, job.spec.model),
      resolveSpec(job.spec, "accepted"),
    ]);
    const run = startRun({
      train(onEvent) {
        if (origin.status === "rejected") throw origin.reason;
        if (spec.status === "rejected") throw spec.reason;
        const runner = pickRunner(runners, job.spec.engine);
        const place = { jobDir: jobDirOf(job.id), lease: token, initialAdapterDir: origin.value.adapterDir };
        return runner.train({ ...toJob(job), spec: spec.value }, place, onEvent);
      },
      now,
      record: async (events) => {
        const result = await log.change(job.id, { ...recordChange(events), lease: token });
        return result?.outcome === "applied";
      },
    });
    runs.set(job.id, { ...run, token });
    begun(job);
    if (job.requested) run.command(job.requested);
    const ending = run.result.then((result) => settle(job.id, token, result));
    endings.set(job.id, ending);
  }

  /** An end that cannot be written, such as to a full disk, is written as soon as it can be. */
  async function settle(jobId: string, token: number, result: RunResult): Promise<void> {
    try {
      await alone(() => end(jobId, token, result));
    } catch (error) {
      onError(error);
      if (!closing) clock.after(writeAgainMs, () => void settle(jobId, token, result));
    }
  }

  async function end(jobId: string, token: number, result: RunResult): Promise<void> {
    runs.delete(jobId);
    endings.delete(jobId);
    try {
      const change = await lastChange(await getJob(jobId), result);
      const written = await log.change(jobId, { ...change, lease: token });
      if (written?.outcome !== "applied" && !closing) onError(takenOver(jobId));
      const goesOn = written?.status === "queued" || waitsForSpace(await getJob(jobId));
      if (!goesOn) own.delete(jobId);
    } finally {
      await fill();
    }
  }

  async function lastChange(job: JobRecord, result: RunResult): Promise<JobChange> {
    const untold = result.ok || !processEnded(result.error) ? [] : await recover(job);
    const told = recordChange(untold);
    const change = joinChanges(told, endChange(withArtifacts(job, told), result, closing, now()));
    const extra = change.set?.status === "completed" ? await completion(job) : {};
    return { ...change, set: { ...change.set, ...extra } };
  }

  /** What the dead process had done before it could tell. */
  async function recover(job: JobRecord): Promise<TimedEvent[]> {
    try {
      const place = { jobDir: jobDirOf(job.id), lease: job.lease.token };
      const events = await pickRunner(runners, job.spec.engine).recover(toJob(job), place);
      return events.map((event) => ({ ...event, timestamp: now() }));
    } catch (error) {
      // The job goes on without: what is not told of now is found when it continues.
      onError(error);
      return [];
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
    if (command === "resume" && isLeftBehind(job)) return takeUp(job);
    if (command === "resume" || command === "stop") own.add(jobId);
    await log.change(jobId, { ...commandChange(command, job, now()), ...(key ? { key } : {}) });
    if (command !== "resume") runs.get(jobId)?.command(command);
    const changed = await getJob(jobId);
    await fill();
    return changed;
  }

  const isLeftBehind = ({ status }: JobRecord) => status === "queued" && !adopt;

  /** A job that another server had in its queue waits in this one's. */
  async function takeUp(job: JobRecord): Promise<JobRecord> {
    own.add(job.id);
    await fill();
    return job;
  }

  /** `model`: the base model, also of a job that goes on from another one's result. */
  function newJob(spec: JobSpec, model: string, fineTuning: FineTuningRecord | null) {
    const { name } = spec;
    const id = fineTuning ? newFineTuningJobId(random) : newJobId(random);
    const suffix = fineTuning ? (fineTuning.suffix ?? "") : name;
    const modelName = toModelName(model, suffix, randomAlphanumerics(8, random));
    return { id, name, model, modelName, spec, createdAt: now(), held: fineTuning !== null, fineTuning };
  }

  const policyOf = ({ spec }: JobRecord): OrphanPolicy => {
    if ((spec.onRestart ?? onRestart) === "fail") return "fail";
    return adopt ? "resume" : "pause";
  };

  /** First the lease: whoever had it, alive after all, cannot write from then on. */
  async function settleOrphan({ id, lease }: JobRecord): Promise<void> {
    const job = await store.takeOver(id, lease.token, holder);
    if (!job) return;
    const told = recordChange(await recover(job));
    const change = joinChanges(told, orphanChange(withArtifacts(job, told), policyOf(job), now()));
    await log.change(id, { ...change, lease: job.lease.token });
  }

  const leases = createLeaseKeeper({
    store,
    tokenOf: (jobId) => runs.get(jobId)?.token,
    held: () => [...runs.keys()],
    command: (jobId, command) => runs.get(jobId)?.command(command),
    onDead: settleOrphan,
  });
  let stopTicking = () => {};
  const stopWatching = watchSpace({
    ...{ store, clock, hasSpace, dirOf: jobDirOf, onError },
    isOurs: ({ id }) => !closing && (adopt || own.has(id)),
    resume: (jobId) => alone(() => applyCommand("resume", jobId)),
  });

  /** Nobody else can have the jobs of a store that is this scheduler's alone; in another one, their holders may live. */
  async function findOrphans(): Promise<void> {
    if (store.exclusive) {
      for (const job of await listRunning(store)) await settleOrphan(job);
      return;
    }
    const tick = () =>
      alone(async () => {
        await leases.tick();
        await fill();
      });
    stopTicking = startTicking({ tick }, { clock, leaseMs, onError });
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
    stopTicking();
    stopWatching();
    await alone(async () => log.close());
  }

  let stopped: Promise<void> | undefined;

  return {
    start: () =>
      alone(async () => {
        await findOrphans();
        await fill();
      }),

    async submit(spec, key, fineTuning = null, projectId) {
      const earlier = key && (await store.findKey(key));
      if (earlier) return getJob(earlier);
      const { model } = await resolveModel({ store, runners, modelAliases }, spec.model);
      await pickRunner(runners, spec.engine).preflight(await resolveSpec({ ...spec, model }, "new"));
      return alone(async () => {
        if (closing) throw new MidrunError("aborted", "The server is ending and takes no new jobs.");
        const first = { type: "training.queued", timestamp: now() } as const;
        const job = await log.create(
          { ...newJob(spec, model, fineTuning), ...(projectId ? { projectId } : {}) },
          first,
          key,
        );
        own.add(job.id);
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

    get closing() {
      return closing !== null;
    },
    command: (command, jobId, key) => alone(() => applyCommand(command, jobId, key)),
    close: (close = {}) => {
      stopped ??= stop(close);
      return stopped;
    },
  };
}
