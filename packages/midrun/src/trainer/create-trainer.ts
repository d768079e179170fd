/** `createTrainer`: one training run, from its description to its end. */
import { raceAbort } from "../client/abort.ts";
import { ApiError } from "../client/api-error.ts";
import { defaultClient, type MidrunClient } from "../client/client.ts";
import { MidrunError } from "../errors.ts";
import type { JobEvent } from "../protocol/event.ts";
import type { Job, JobSpecInput } from "../protocol/job.ts";
import { type Cursor, followJob, type TrainerResult } from "./follow-job.ts";
import { hasPaths, withAbsolutePaths } from "./local-paths.ts";
import { createSubmission } from "./submission.ts";
import { parseTrainerInput, type TrainerInput } from "./trainer-input.ts";

export interface TrainerOptions {
  /** Default: the server at `MIDRUN_BASE_URL`, or one in this process. */
  client?: MidrunClient;
}

export interface Trainer {
  readonly name: string;
  /** What it trains, as given and checked: the job that `start()` submits, paths as they were written. */
  readonly spec: Readonly<JobSpecInput>;
  /** Submits the job. Later and parallel calls give the same job; a start that failed can be tried again. */
  start(): Promise<{ jobId: string }>;
  /**
   * Starts when needed, calls the callbacks, resolves when the job is over: completed, failed or cancelled. Called again
   * it gives the same result and replays nothing. Rejects with whatever a callback throws, and with the abort signal's
   * reason; the job goes on, and a later `wait()` continues after the last event told.
   */
  wait(): Promise<TrainerResult>;
  cancel(): Promise<Job>;
  /** Saves a checkpoint after the current step and stops there until `resume()`. */
  pause(): Promise<Job>;
  /** Ends the job after its current step and keeps what it has learnt: `wait()` resolves with a completed job. */
  stop(): Promise<Job>;
  resume(): Promise<Job>;
  /** Starts when needed; every event from the first, then live. Calls no callback. */
  events(): AsyncIterable<JobEvent>;
  /** Makes this the trainer of a job that exists; `wait()` then tells the events after the one with id `after`. */
  attach(jobId: string, options?: { after?: number }): Trainer;
}

/**
 * Describes a training run. Touches neither network nor disk.
 *
 * @throws MidrunError `invalid_config` for an unknown or misspelt field, or one of the wrong shape.
 * @example
 * const trainer = createTrainer({
 *   name: "support-bot",
 *   model: "midrun/nano",
 *   dataset: { type: "file", path: "data/train.jsonl" },
 *   callbacks: {
 *     onCheckpoint: async ({ step, infer }) => {
 *       const answer = await infer({ messages: [{ role: "user", content: "I can't log in." }] });
 *       process.stdout.write(`${step}: ${await readText(answer)}\n`);
 *     },
 *   },
 * });
 * const { job } = await trainer.wait();
 */
export function createTrainer(input: TrainerInput, options: TrainerOptions = {}): Trainer {
  const { spec, callbacks, abortSignal, cancelOnAbort } = parseTrainerInput(input);
  const client = () => options.client ?? defaultClient();
  const cursor: Cursor = { after: undefined, view: null };
  let waiting: Promise<TrainerResult> | null = null;
  let abortCancel: Promise<void> | null = null;

  const submission = createSubmission(async (idempotencyKey) => {
    abortSignal?.throwIfAborted();
    const sent = client().local && hasPaths(spec) ? await withAbsolutePaths(spec) : spec;
    return (await client().jobs.create(sent, { idempotencyKey })).id;
  });

  const begin = async (): Promise<string> => {
    const jobId = await submission.jobId();
    if (cancelOnAbort && abortSignal) onceAborted(abortSignal, cancelAfterAbort);
    return jobId;
  };

  /** `wait()` tells of a cancellation that failed; without one there is nobody to tell. */
  const cancelAfterAbort = (): Promise<void> => {
    abortCancel ??= begunJob().then((jobId) => cancelUnlessOver(client(), jobId));
    abortCancel.catch(() => undefined);
    return abortCancel;
  };

  const begunJob = (): Promise<string> => {
    const jobId = submission.current();
    if (jobId) return jobId;
    throw new MidrunError("invalid_state", `Trainer "${spec.name}" has no job yet.`, {
      hint: "Call start() or wait() first, or attach(jobId).",
    });
  };

  const follow = async (): Promise<TrainerResult> => {
    try {
      const jobId = await raceAbort(begin(), abortSignal);
      const result = await followJob(jobId, cursor, { client: client(), callbacks, signal: abortSignal });
      abortSignal?.removeEventListener("abort", cancelAfterAbort);
      return result;
    } catch (error) {
      waiting = null;
      if (cancelOnAbort && abortSignal?.aborted && submission.current()) await cancelAfterAbort();
      throw error;
    }
  };

  const trainer: Trainer = {
    name: spec.name,
    spec: Object.freeze(spec),
    start: async () => ({ jobId: await begin() }),
    wait: () => {
      waiting ??= follow();
      return waiting;
    },
    cancel: async () => client().jobs.cancel(await begunJob()),
    pause: async () => client().jobs.pause(await begunJob()),
    stop: async () => client().jobs.stop(await begunJob()),
    resume: async () => client().jobs.resume(await begunJob()),
    events: async function* () {
      yield* client().jobs.events(await begin(), { signal: abortSignal });
    },
    attach: (jobId, { after } = {}) => {
      if (submission.current()) {
        throw new MidrunError(
          "invalid_state",
          `Trainer "${spec.name}" has a job already; attach(${jobId}) came too late.`,
          {
            hint: "Attach a new trainer, before start() or wait().",
          },
        );
      }
      submission.adopt(jobId);
      cursor.after = after;
      return trainer;
    },
  };
  return trainer;
}

function onceAborted(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}

async function cancelUnlessOver(client: MidrunClient, jobId: string): Promise<void> {
  try {
    await client.jobs.cancel(jobId);
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "invalid_state")) throw error;
  }
}
