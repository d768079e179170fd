/** The job's state machine: what a command does in each status, and where the end of a training leads. Pure. */
import { isMidrunError, MidrunError } from "../errors.ts";
import type { JobErrorBody } from "../protocol/event.ts";
import type { JobStatus } from "../protocol/job.ts";
import type { RunResult, TimedEvent } from "./run.ts";
import type { TrainOutcome } from "./runner.ts";
import type { JobChange, JobFields, JobRecord, NewEvent, RequestedCommand, StoredArtifact } from "./store.ts";

export type Command = "cancel" | "pause" | "resume" | "stop";
/** What becomes of a job whose server died while it ran. `pause`: its user decides. */
export type OrphanPolicy = "resume" | "fail" | "pause";
/** What becomes of running jobs when the server ends: `pause` waits for their user, `requeue` for the next start. */
export type CloseMode = "pause" | "requeue";

type Transition = Omit<JobChange, "from" | "key">;
type Rule = (job: JobRecord, timestamp: string) => Transition;

/** A job is tried this often again, without a new checkpoint in between, after its worker died. */
const crashRetries = 1;

const lastCheckpointStep = ({ artifacts }: JobRecord): number =>
  Math.max(0, ...artifacts.filter(({ kind }) => kind === "checkpoint").map(({ step }) => step));

const toCancelled: Rule = (_, timestamp) => ({
  set: { status: "cancelled", requested: null, finishedAt: timestamp, error: null },
  events: [{ type: "training.cancelled", timestamp }],
});

const toPausedAt = (step: number, timestamp: string): Transition => ({
  set: { status: "paused", requested: null, step },
  events: [{ type: "training.paused", step, timestamp }],
});

/** Paused without a runner to ask: where the newest checkpoint is. */
const toPaused: Rule = (job, timestamp) => toPausedAt(lastCheckpointStep(job), timestamp);

/** Back into the queue, in its old place. A stop that was asked for is obeyed when the job comes up again. */
const toQueuedAgain = (
  { requested }: JobRecord,
  message: string,
  timestamp: string,
  set: Partial<JobFields> = {},
): Transition => ({
  set: { status: "queued", requested: requested === "stop" ? "stop" : null, ...set },
  events: [{ type: "training.warning", message, timestamp }],
});

const request =
  (requested: RequestedCommand): Rule =>
  () => ({ set: { requested } });

/** Up again, to be ended at once with what it has learnt so far. */
const toLastTurn: Rule = ({ status }, timestamp) => ({
  set: { status: "queued", requested: "stop", error: null },
  ...(status === "paused" ? { enqueue: true, events: [{ type: "training.queued", timestamp }] } : {}),
});

const hasLearnt = (job: JobRecord) => lastCheckpointStep(job) > 0;

interface CommandRule {
  /** What the command does, by the job's status; in others it is refused. */
  from: { [S in JobStatus]?: { apply: Rule; when?: (job: JobRecord) => boolean } };
  hint: string;
}

const rules: { [C in Command]: CommandRule } = {
  cancel: {
    from: { queued: { apply: toCancelled }, paused: { apply: toCancelled }, running: { apply: request("cancel") } },
    hint: "Only a job that is queued, running or paused can be cancelled.",
  },
  pause: {
    from: { queued: { apply: toPaused }, running: { apply: request("pause"), when: isNotAsked("stop", "cancel") } },
    hint: "Only a job that is queued or running, and not being stopped or cancelled, can be paused.",
  },
  stop: {
    from: {
      queued: { apply: toLastTurn, when: hasLearnt },
      paused: { apply: toLastTurn, when: hasLearnt },
      running: { apply: request("stop"), when: isNotAsked("cancel") },
    },
    hint: "Only a job that is running, or has a checkpoint, can be stopped with its result kept. Cancel it instead.",
  },
  resume: {
    from: {
      paused: {
        apply: (_, timestamp) => ({
          set: { status: "queued", requested: null, crashes: 0, error: null },
          enqueue: true,
          events: [{ type: "training.queued", timestamp }],
        }),
      },
    },
    hint: "Only a paused job can be resumed; one being paused will be after its current step.",
  },
};

function isNotAsked(...commands: RequestedCommand[]) {
  return ({ requested }: JobRecord) => requested === null || !commands.includes(requested);
}

/** @throws MidrunError `invalid_state` when the job's status does not allow the command. */
export function commandChange(command: Command, job: JobRecord, timestamp: string): JobChange {
  const { from, hint } = rules[command];
  const rule = from[job.status];
  if (rule && (rule.when?.(job) ?? true)) return { from: [job.status], ...rule.apply(job, timestamp) };
  const status = job.requested ? `${job.status} (asked to ${job.requested})` : job.status;
  throw new MidrunError("invalid_state", `Cannot ${command} job ${job.id}: it is ${status}.`, { param: "id", hint });
}

const orphaned: { [P in OrphanPolicy]: Rule } = {
  resume: (job, timestamp) => {
    const message = "The server ended while this job was running. It continues from its last checkpoint.";
    return toQueuedAgain(job, message, timestamp);
  },
  pause: (job, timestamp) => {
    const message =
      "The process that ran this job ended. The job is paused at its last checkpoint: " +
      `midrun jobs resume ${job.id} continues it.`;
    const { set, events = [] } = toPaused(job, timestamp);
    return { set, events: [{ type: "training.warning", message, timestamp }, ...events] };
  },
  fail: (job, timestamp) => {
    const message = "The server ended while this job was running, and onRestart is set to fail.";
    const hint = "Its checkpoints are still there: a new job can go on from one of them, by its name.";
    return toFailed(job, new MidrunError("worker_crashed", message, { hint }), timestamp);
  },
};

/** For a job that is `running` and that nobody trains any more. */
export function orphanChange(job: JobRecord, policy: OrphanPolicy, timestamp: string): JobChange {
  const asked: { [R in RequestedCommand]?: Rule } = { cancel: toCancelled, pause: toPaused };
  const rule = (job.requested && asked[job.requested]) ?? orphaned[policy];
  return { from: ["running"], ...rule(job, timestamp) };
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
      // It gets on: what crashed before does not count any more.
      set.crashes = 0;
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

/** The job as it is after its events are recorded, as far as its next change needs to know. */
export function withArtifacts(job: JobRecord, { set, artifacts = [], removeArtifacts = [] }: JobChange): JobRecord {
  const added = artifacts.map(({ kind, step, path, files }) => ({ kind, step, path, files }));
  const isGone = (kind: string, step: number) =>
    removeArtifacts.some((each) => each.kind === kind && each.step === step);
  const kept = job.artifacts.filter(({ kind, step }) => !isGone(kind, step));
  return { ...job, crashes: set?.crashes ?? job.crashes, artifacts: [...kept, ...added] };
}

/** One change that does what both do, the first one first. */
export function joinChanges(first: JobChange, then: JobChange): JobChange {
  return {
    ...then,
    set: { ...first.set, ...then.set },
    artifacts: [...(first.artifacts ?? []), ...(then.artifacts ?? [])],
    removeArtifacts: [...(first.removeArtifacts ?? []), ...(then.removeArtifacts ?? [])],
    events: [...(first.events ?? []), ...(then.events ?? [])],
  };
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
      events: [
        ...endedEarly(job, step, timestamp),
        { type: "training.completed", artifacts: all, metrics: last, timestamp },
      ],
    };
  },
  cancelled: (job, _, __, timestamp) => toCancelled(job, timestamp),
  paused(job, { step }, closing, timestamp) {
    if (job.requested === "cancel") return toCancelled(job, timestamp);
    if (closing === "requeue" && job.requested !== "pause") {
      const message = `The server is ending. The job stopped after step ${step} and continues when the server is back.`;
      return toQueuedAgain(job, message, timestamp, { step });
    }
    return toPausedAt(step, timestamp);
  },
};

function endedEarly({ requested, totalSteps }: JobRecord, step: number, timestamp: string): NewEvent[] {
  if (requested !== "stop" || totalSteps === null || step >= totalSteps) return [];
  const message = `The job was stopped after step ${step} of ${totalSteps}. What it has learnt until then is its result.`;
  return [{ type: "training.warning", message, timestamp }];
}

export const processEnded = (error: unknown) =>
  isMidrunError(error) && (error.code === "worker_crashed" || error.code === "aborted");

const isDiskFull = (error: unknown) => isMidrunError(error) && error.code === "disk_full";

/** Waits for space: nothing is lost, and nothing can be done about it here. */
function toPausedFull(job: JobRecord, reason: unknown, timestamp: string): Transition {
  const error = toErrorBody(reason);
  const step = lastCheckpointStep(job);
  const message = `${error.message} The job waits at step ${step} and goes on by itself when there is space again.`;
  return {
    set: { status: "paused", requested: null, step, error },
    events: [
      { type: "training.warning", message, timestamp },
      { type: "training.paused", step, reason: "disk_full", timestamp },
    ],
  };
}

function afterFailure(job: JobRecord, error: unknown, closing: CloseMode | null, timestamp: string): Transition {
  if (job.requested === "cancel" && (processEnded(error) || isDiskFull(error))) return toCancelled(job, timestamp);
  if (isDiskFull(error)) return toPausedFull(job, error, timestamp);
  if (!processEnded(error)) return toFailed(job, error, timestamp);
  if (job.requested === "pause" || closing === "pause") return toPaused(job, timestamp);
  if (closing === "requeue") {
    const message = "The server ended before the job's current step did. The job continues from its last checkpoint.";
    return toQueuedAgain(job, message, timestamp);
  }
  if (job.crashes >= crashRetries) return toFailed(job, error, timestamp);
  const message = `${(error as MidrunError).message} The job is tried once more from its last checkpoint.`;
  return toQueuedAgain(job, message, timestamp, { crashes: job.crashes + 1 });
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
