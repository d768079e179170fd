/** The job's state machine: what a command does in each status, and where the end of a training leads. Pure. */
import { isMidrunError, MidrunError } from "../errors.ts";
import type { JobErrorBody } from "../protocol/event.ts";
import type { JobStatus } from "../protocol/job.ts";
import type { RunResult, TimedEvent } from "./run.ts";
import type { TrainOutcome } from "./runner.ts";
import type { JobChange, JobFields, JobRecord, RequestedCommand, StoredArtifact } from "./store.ts";

export type Command = "cancel" | "pause" | "resume";
/** What becomes of running jobs when the server ends: `pause` waits for their user, `requeue` for the next start. */
export type CloseMode = "pause" | "requeue";

type Transition = Omit<JobChange, "from" | "key">;
type Rule = (job: JobRecord, timestamp: string) => Transition;

/** A job is tried this often again after its worker died. */
const crashRetries = 1;

const lastCheckpointStep = ({ artifacts }: JobRecord): number =>
  Math.max(0, ...artifacts.filter(({ kind }) => kind === "checkpoint").map(({ step }) => step));

const toCancelled: Rule = (_, timestamp) => ({
  set: { status: "cancelled", requested: null, finishedAt: timestamp },
  events: [{ type: "training.cancelled", timestamp }],
});

const toPausedAt = (step: number, timestamp: string): Transition => ({
  set: { status: "paused", requested: null, step },
  events: [{ type: "training.paused", step, timestamp }],
});

/** Paused without a runner to ask: where the newest checkpoint is. */
const toPaused: Rule = (job, timestamp) => toPausedAt(lastCheckpointStep(job), timestamp);

/** Back into the queue, in its old place. */
const toQueuedAgain = (message: string, timestamp: string, set: Partial<JobFields> = {}): Transition => ({
  set: { status: "queued", requested: null, ...set },
  events: [{ type: "training.warning", message, timestamp }],
});

const request =
  (requested: RequestedCommand): Rule =>
  () => ({ set: { requested } });

const rules: { [C in Command]: { [S in JobStatus]?: Rule } } = {
  cancel: { queued: toCancelled, paused: toCancelled, running: request("cancel") },
  pause: { queued: toPaused, running: request("pause") },
  resume: {
    paused: (_, timestamp) => ({
      set: { status: "queued", requested: null, crashes: 0 },
      enqueue: true,
      events: [{ type: "training.queued", timestamp }],
    }),
  },
};

const hints: { [C in Command]: string } = {
  cancel: "Only a job that is queued, running or paused can be cancelled.",
  pause: "Only a job that is queued or running, and not being cancelled, can be paused.",
  resume: "Only a paused job can be resumed; one being paused will be after its current step.",
};

/** @throws MidrunError `invalid_state` when the job's status does not allow the command. */
export function commandChange(command: Command, job: JobRecord, timestamp: string): JobChange {
  const rule = rules[command][job.status];
  const tooLate = command === "pause" && job.requested === "cancel";
  if (rule && !tooLate) return { from: [job.status], ...rule(job, timestamp) };
  const status = job.requested ? `${job.status} (asked to ${job.requested})` : job.status;
  throw new MidrunError("invalid_state", `Cannot ${command} job ${job.id}: it is ${status}.`, {
    param: "id",
    hint: hints[command],
  });
}

/** For a job found `running` at start-up: no process trains it any more. */
export function orphanChange(job: JobRecord, timestamp: string): JobChange {
  const asked = job.requested && { cancel: toCancelled, pause: toPaused }[job.requested];
  const message = "The server ended while this job was running. It continues from its last checkpoint.";
  return { from: ["running"], ...(asked ? asked(job, timestamp) : toQueuedAgain(message, timestamp)) };
}

/** What a training's events change in its job. */
export function recordChange(events: readonly TimedEvent[]): JobChange {
  const set: Partial<JobFields> = {};
  const artifacts = new Map<number, StoredArtifact[]>();
  const removed = new Set<number>();
  for (const event of events) {
    if (event.type === "training.started") set.totalSteps = event.totalSteps;
    if (event.type === "training.log") {
      const { type, timestamp, microBatches, evalMicroBatches, ...metrics } = event;
      Object.assign(set, { step: metrics.step, totalSteps: metrics.totalSteps, metrics });
    }
    if (event.type === "checkpoint.saved") {
      const { step, metrics, timestamp: createdAt, removedSteps = [] } = event;
      artifacts.set(
        step,
        event.artifacts.map((artifact) => ({ ...artifact, metrics, createdAt })),
      );
      // In the order of the events: a run that went back saves a step again that was removed before.
      removed.delete(step);
      for (const gone of removedSteps) {
        artifacts.delete(gone);
        removed.add(gone);
      }
    }
  }
  const removeArtifacts = [...removed].map((step) => ({ kind: "checkpoint" as const, step }));
  return { from: ["running"], set, artifacts: [...artifacts.values()].flat(), removeArtifacts, events: [...events] };
}

/** Where the end of a training leads, whatever was asked in the meantime. */
export function endChange(job: JobRecord, result: RunResult, closing: CloseMode | null, timestamp: string): JobChange {
  const transition = result.ok
    ? endings[result.outcome.status](job, result.outcome, closing, timestamp)
    : afterFailure(job, result.error, closing, timestamp);
  return { from: ["running"], ...transition };
}

type Ending = (job: JobRecord, outcome: TrainOutcome, closing: CloseMode | null, timestamp: string) => Transition;

const endings: { [S in TrainOutcome["status"]]: Ending } = {
  completed(job, { artifact, metrics, step }, _, timestamp) {
    const artifacts = artifact ? [{ ...artifact, metrics, createdAt: timestamp }] : [];
    const all = artifact ? [...job.artifacts, artifact] : job.artifacts;
    const last = metrics ?? job.metrics;
    return {
      set: { status: "completed", requested: null, finishedAt: timestamp, step, metrics: last },
      artifacts,
      events: [{ type: "training.completed", artifacts: all, metrics: last, timestamp }],
    };
  },
  cancelled: (job, _, __, timestamp) => toCancelled(job, timestamp),
  paused(job, { step }, closing, timestamp) {
    if (job.requested === "cancel") return toCancelled(job, timestamp);
    if (closing === "requeue" && job.requested === null) {
      const message = `The server is ending. The job stopped after step ${step} and continues when the server is back.`;
      return toQueuedAgain(message, timestamp, { step });
    }
    return toPausedAt(step, timestamp);
  },
};

const processEnded = (error: unknown) =>
  isMidrunError(error) && (error.code === "worker_crashed" || error.code === "aborted");

function afterFailure(job: JobRecord, error: unknown, closing: CloseMode | null, timestamp: string): Transition {
  if (!processEnded(error)) return toFailed(job, error, timestamp);
  if (job.requested === "cancel") return toCancelled(job, timestamp);
  if (job.requested === "pause" || closing === "pause") return toPaused(job, timestamp);
  if (closing === "requeue") {
    const message = "The server ended before the job's current step did. The job continues from its last checkpoint.";
    return toQueuedAgain(message, timestamp);
  }
  if (job.crashes >= crashRetries) return toFailed(job, error, timestamp);
  const message = `${(error as MidrunError).message} The job is tried once more from its last checkpoint.`;
  return toQueuedAgain(message, timestamp, { crashes: job.crashes + 1 });
}

function toErrorBody(error: unknown): JobErrorBody {
  if (isMidrunError(error)) return error.toJSON();
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new MidrunError("internal", message).toJSON();
}

function toFailed({ step }: JobRecord, reason: unknown, timestamp: string): Transition {
  const error = toErrorBody(reason);
  return {
    set: { status: "failed", requested: null, finishedAt: timestamp, error },
    events: [{ type: "training.failed", error, step: step || null, timestamp }],
  };
}
