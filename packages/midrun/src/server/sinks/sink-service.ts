/**
 * Reads the history of every job in training into its sinks, each at its own pace. The event log is the queue: a sink that is slow or
 * down holds nothing in memory, slows no training, and is told everything once it is back.
 */
import { MidrunError } from "../../errors.ts";
import { isTerminalEvent, type JobEvent } from "../../protocol/event.ts";
import { isTerminalStatus } from "../../protocol/job.ts";
import { type Clock, timestampOf } from "../clock.ts";
import type { EventLog } from "../event-log.ts";
import type { JobRecord, Store } from "../store.ts";
import { gather } from "./gather.ts";
import type { CreateSink, MetricsSink } from "./sink.ts";

export interface SinkServiceOptions {
  store: Store;
  log: EventLog;
  jobDirOf: (jobId: string) => string;
  clock: Clock;
  sinks: readonly CreateSink[];
  /** Told what can no longer be told in the job's own history. */
  onError: (error: unknown) => void;
}

export interface SinkService {
  /** Begins to tell this job's sinks, if it has not begun. */
  follow(job: JobRecord): void;
  /** Tells every sink what is stored, then ends; a sink that takes longer than this is left behind. */
  close(options?: { graceMs?: number }): Promise<void>;
}

const pageSize = 500;
const firstRetryMs = 1000;
const longestRetryMs = 60_000;
/** After the job's end a sink that is down is tried this often again. */
const lastTries = 6;

function notReached({ name }: MetricsSink, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `${name} was not reached (${reason}). Training goes on; it is tried again.`;
}

export function createSinkService({ store, log, jobDirOf, clock, sinks, onError }: SinkServiceOptions): SinkService {
  const following = new Map<string, Promise<void>>();
  /** Nobody waits any longer for the next event. */
  const draining = new AbortController();
  const leaving = new AbortController();

  const pause = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (ms === 0 || signal.aborted) return resolve();
      const done = () => {
        stop();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const stop = clock.after(ms, done);
      signal.addEventListener("abort", done);
    });

  /** In the job's own history while it has one, else to whoever runs the server. */
  async function report(jobId: string, message: string): Promise<void> {
    const event = { type: "training.warning" as const, message, timestamp: timestampOf(clock) };
    const told = await log.change(jobId, { from: ["queued", "running", "paused"], events: [event] });
    if (told?.outcome !== "applied") onError(new MidrunError("io", `Job ${jobId}: ${message}`));
  }

  const isOver = async (jobId: string) => isTerminalStatus((await store.getJob(jobId))?.status ?? "failed");

  /** Whether it arrived: tried again until it does, while the job lives, and some time longer. Once the server ends, only once more. */
  async function deliver(jobId: string, sink: MetricsSink, events: JobEvent[]): Promise<boolean> {
    let triesLeft = lastTries;
    for (let wait = firstRetryMs, failed = false; ; wait = Math.min(2 * wait, longestRetryMs)) {
      const isLast = draining.signal.aborted;
      try {
        await sink.write(events, leaving.signal);
        if (failed) await report(jobId, `${sink.name} is reached again, and was told everything.`);
        return true;
      } catch (error) {
        if (!failed) await report(jobId, notReached(sink, error));
        failed = true;
        if (isLast || leaving.signal.aborted || ((await isOver(jobId)) && --triesLeft === 0)) return false;
      }
      await pause(wait, draining.signal);
    }
  }

  /** Everything stored, then everything new until the job or the server ends: as it comes, in pages. */
  async function* pagesOf(jobId: string, gatherMs: number): AsyncGenerator<JobEvent[]> {
    let last = 0;
    const followed = log.follow(jobId, { signal: draining.signal });
    for await (const page of gather(followed, { pageSize, pause: () => pause(gatherMs, draining.signal) })) {
      yield page;
      last = page.at(-1)!.id;
      if (page.some(isTerminalEvent)) return;
    }
    // The log was closed, and tells its followers nothing more.
    for (;;) {
      const rest = await store.listEvents(jobId, { after: last, limit: pageSize });
      if (rest.length === 0) return;
      yield rest;
      last = rest.at(-1)!.id;
    }
  }

  async function feed(jobId: string, sink: MetricsSink): Promise<void> {
    let last = 0;
    for await (const page of pagesOf(jobId, sink.gatherMs)) {
      if (!(await deliver(jobId, sink, page))) return reportGap(jobId, sink, last);
      last = page.at(-1)!.id;
    }
  }

  async function reportGap(jobId: string, { name }: MetricsSink, last: number): Promise<void> {
    await report(jobId, `${name} was told nothing after event ${last}; GET /v1/jobs/${jobId}/events has everything.`);
  }

  const feedAll = async (job: JobRecord) => {
    const input = { job, jobDir: jobDirOf(job.id) };
    const made = sinks.map((create) => create(input)).filter((sink) => sink !== null);
    await Promise.all(made.map((sink) => feed(job.id, sink).catch(onError)));
  };

  return {
    follow(job) {
      if (sinks.length === 0 || following.has(job.id)) return;
      following.set(
        job.id,
        feedAll(job).finally(() => following.delete(job.id)),
      );
    },
    async close({ graceMs = 5000 } = {}) {
      draining.abort();
      const stop = clock.after(graceMs, () => leaving.abort());
      await Promise.all(following.values());
      stop();
    },
  };
}
