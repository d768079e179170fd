/** What outlives the process: jobs, their events, checkpoints, idempotency keys, the records of files, API keys. `stores/` has the implementations. */
import { MidrunError } from "../errors.ts";
import type { JobEvent, JobEventBody, StepMetrics } from "../protocol/event.ts";
import type { Artifact, Job, JobStatus } from "../protocol/job.ts";
import type { Page } from "../protocol/page.ts";
import type { CompletionRecords } from "./completion-records.ts";
import type { FileRecords } from "./file-records.ts";
import type { FineTuningRecord } from "./fine-tuning/record.ts";
import type { KeyRecords } from "./key-records.ts";

/** A command to a running job that it has not obeyed yet. It survives a crash of the server. */
export type RequestedCommand = "pause" | "stop" | "cancel";

/**
 * Who trains a job. The token grows with every holder; a write that names an older one is refused, however late it comes.
 * There is no time in it: whoever waits for a lease to end watches its beat stand still, on a clock of its own.
 */
export interface JobLease {
  /** Names a scheduler; null: nobody has trained the job yet. */
  holder: string | null;
  /** 0: nobody has trained the job yet. */
  token: number;
  /** Counts the holder's signs of life. */
  beat: number;
}

/** A job as stored: what the API tells, and what only the server needs. */
export interface JobRecord extends Omit<Job, "fineTunedModel"> {
  /** Name of the final adapter, given at creation; see `model-name.ts`. Unique. */
  modelName: string;
  /** Project that owns the job. */
  projectId: string;
  requested: RequestedCommand | null;
  /** Worker crashes since the job was created, resumed by its user, or saved a checkpoint. */
  crashes: number;
  /** A queued job that is not to be started: its data are still being checked. */
  held: boolean;
  lease: JobLease;
  /** Null for jobs that did not come through OpenAI's API. */
  fineTuning: FineTuningRecord | null;
}

export type NewJob = Pick<JobRecord, "id" | "name" | "model" | "modelName" | "spec" | "createdAt"> &
  Partial<Pick<JobRecord, "held" | "fineTuning" | "projectId">>;

/** An event before the store gives it its id. */
export type NewEvent = JobEventBody & { timestamp: string };

export interface StoredArtifact extends Artifact {
  createdAt: string;
  metrics: StepMetrics | null;
}

/** One key, one effect: the fingerprint says whether a repeated key comes with the same request. */
export interface IdempotencyKey {
  key: string;
  fingerprint: string;
}

export type JobFields = Pick<
  JobRecord,
  | "status"
  | "requested"
  | "crashes"
  | "held"
  | "fineTuning"
  | "startedAt"
  | "finishedAt"
  | "step"
  | "totalSteps"
  | "metrics"
  | "error"
>;

/** Everything that changes together: all of it is stored, or nothing. */
export interface JobChange {
  /** The change is made only when the job has one of these statuses. */
  from: readonly JobStatus[];
  /** The change is made only while the job's lease has this token. */
  lease?: number;
  set?: Partial<JobFields>;
  /** Moves the job to the end of the queue. */
  enqueue?: boolean;
  /** One of the same kind and step replaces the older one. */
  artifacts?: StoredArtifact[];
  /** Forgets these: the models of their names are no more. */
  removeArtifacts?: Pick<Artifact, "kind" | "step">[];
  events?: NewEvent[];
  key?: IdempotencyKey;
}

export interface ChangeResult {
  /**
   * `refused`: the status was not in `from`. `fenced`: the lease has another token. `replayed`: the key had been used for
   * this very request.
   */
  outcome: "applied" | "refused" | "fenced" | "replayed";
  /** After the change. */
  status: JobStatus;
  /** The stored events; empty unless applied. */
  events: JobEvent[];
}

export interface ListJobs {
  /** Give jobs older than the one with this id; an unknown id gives an empty page. */
  after?: string;
  limit: number;
  status?: readonly JobStatus[];
  /** Only this project's. Default: everybody's. */
  projectId?: string;
}

export interface ClaimJob {
  /** The scheduler that will train it. */
  holder: string;
  /** ISO 8601: becomes the job's start, unless it had one. */
  startedAt: string;
  /** Only one of these. Default: any. */
  among?: readonly string[];
}

export interface ModelRecord {
  name: string;
  createdAt: string;
  /** False: a base model that a job started from. */
  trained: boolean;
}

/** Every promise resolves when the data is on disk (where there is one). Records are the caller's own copies. */
export interface Store extends FileRecords, CompletionRecords, KeyRecords {
  /** True: nobody else can use the store, so that whoever opens it finds only leases of the dead. */
  readonly exclusive: boolean;
  /** Adds a queued job with its first event. When the key was used before: that key's job, and no events. */
  createJob(job: NewJob, first: NewEvent, key?: IdempotencyKey): Promise<{ job: JobRecord; events: JobEvent[] }>;
  /** Null: no such job. */
  changeJob(jobId: string, change: JobChange): Promise<ChangeResult | null>;
  /** Deletes the job with all that is stored of it, if its status is among `from`. Gives the status it had; null: no such job. */
  deleteJob(jobId: string, from: readonly JobStatus[]): Promise<JobStatus | null>;
  getJob(jobId: string): Promise<JobRecord | null>;
  findJobByModelName(modelName: string): Promise<JobRecord | null>;
  /** The job that this key made or changed. Throws `idempotency_conflict` when that was another request. */
  findKey(key: IdempotencyKey): Promise<string | null>;
  countJobs(): Promise<Record<JobStatus, number>>;
  /** Newest first. */
  listJobs(options: ListJobs): Promise<Page<JobRecord>>;
  /** The job that `claimJob` would give: of the highest priority, the one that waits longest; none that is held. */
  nextQueued(): Promise<JobRecord | null>;
  /** Takes the next queued job: it is running from then on, under a new lease. Two callers never get the same one. */
  claimJob(claim: ClaimJob): Promise<JobRecord | null>;
  /** Takes a running job over, whose lease has this token. Null: somebody was faster, or the job does not run any more. */
  takeOver(jobId: string, token: number, holder: string): Promise<JobRecord | null>;
  /** A sign of life. Gives the command that came in the meantime, also through another server; null: the lease is lost. */
  beat(jobId: string, token: number): Promise<Pick<JobRecord, "requested"> | null>;
  /** Oldest first: at most `limit` events with an id greater than `after`. */
  listEvents(jobId: string, options: { after: number; limit: number }): Promise<JobEvent[]>;
  /** Newest first: at most `limit` events with an id below `before`; without it, the newest. */
  listEventsBefore(jobId: string, options: { before?: number; limit: number }): Promise<JobEvent[]>;
  /** Lowest step first: at most `limit` with a step greater than `after`. */
  listCheckpoints(jobId: string, options: { after: number; limit: number }): Promise<StoredArtifact[]>;
  /** Base models in use, final adapters of completed jobs, checkpoints; oldest first within each. Of one project's jobs, or all. */
  listModels(projectId?: string): Promise<ModelRecord[]>;
  close(): Promise<void>;
}

/** @throws MidrunError `idempotency_conflict` when the stored key belongs to another request. */
export function assertSameRequest(stored: IdempotencyKey, given: IdempotencyKey): void {
  if (stored.fingerprint === given.fingerprint) return;
  throw new MidrunError("idempotency_conflict", `The idempotency key "${given.key}" was used for another request.`, {
    param: "Idempotency-Key",
    hint: "Use a new key for each new request, and the same key only to repeat one.",
  });
}

/** A count of jobs by status, before any is counted. */
export const noJobs = (): Record<JobStatus, number> => ({
  queued: 0,
  running: 0,
  paused: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
});
