/** One training in progress: hands its events over in batches, in order, and ends in exactly one outcome. */
import { MidrunError } from "../errors.ts";
import type { RunnerEvent, TrainHandle, TrainOutcome } from "./runner.ts";
import type { RequestedCommand } from "./store.ts";

export type TimedEvent = RunnerEvent & { timestamp: string };

export type RunResult = { ok: true; outcome: TrainOutcome } | { ok: false; error: unknown };

export interface Run {
  command(command: RequestedCommand): void;
  /** Resolves when the training has ended and all of its events are stored. Never rejects. */
  result: Promise<RunResult>;
}

export interface RunInput {
  /** Starts the training. */
  train: (onEvent: (event: RunnerEvent) => void) => TrainHandle;
  /** ISO 8601. */
  now: () => string;
  /** Stores a batch; the next one waits for it. False: the job is somebody else's by now, so the training is broken off. */
  record: (events: TimedEvent[]) => Promise<boolean>;
}

export function startRun({ train, now, record }: RunInput): Run {
  let pending: TimedEvent[] = [];
  let recording: Promise<void> | null = null;
  let recordError: unknown = null;
  let ended = false;
  let lost = false;
  let handle: TrainHandle | undefined;

  /** Training on without a history would lose work unseen; paused, nothing is lost. */
  const stopRecording = (error: unknown) => {
    recordError = error;
    handle?.command("pause");
  };

  async function recordPending(): Promise<void> {
    try {
      while (pending.length > 0) {
        const batch = pending;
        pending = [];
        lost ||= !(await record(batch));
        if (lost) handle?.command("cancel");
      }
    } catch (error) {
      stopRecording(error);
    } finally {
      // In the same turn as the last look at `pending`: an event that comes now begins a new recording.
      recording = null;
    }
  }

  const onEvent = (event: RunnerEvent) => {
    if (ended || lost || recordError) return;
    pending.push({ ...event, timestamp: now() });
    recording ??= recordPending();
  };

  const begin = async (): Promise<TrainOutcome> => {
    handle = train(onEvent);
    return handle.result;
  };

  async function finish(training: Promise<TrainOutcome>): Promise<RunResult> {
    const result = await training.then(
      (outcome): RunResult => ({ ok: true, outcome }),
      (error: unknown): RunResult => ({ ok: false, error }),
    );
    ended = true;
    await recording;
    return recordError ? { ok: false, error: toHistoryError(recordError) } : result;
  }

  return { command: (command) => handle?.command(command), result: finish(begin()) };
}

/** SQLite's code for a disk without space. */
const sqliteFull = 13;

function toHistoryError(cause: unknown): MidrunError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const full = (cause as { errcode?: number }).errcode === sqliteFull;
  return new MidrunError(full ? "disk_full" : "io", `The job's history could not be written: ${reason}.`, {
    hint: "Is the disk full? Make room and start the job again.",
    cause,
  });
}
