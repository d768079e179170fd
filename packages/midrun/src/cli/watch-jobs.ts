/** Shows every job of a server from its creation to its end, as long as the signal lets it. */
import { ApiError } from "../client/api-error.ts";
import type { MidrunClient } from "../client/client.ts";
import { isTerminalStatus, type Job } from "../protocol/job.ts";
import type { JobsDisplay } from "./jobs-display.ts";

export interface WatchJobsOptions {
  client: MidrunClient;
  display: JobsDisplay;
  signal: AbortSignal;
  /** Waits between two looks at the list; rejects when aborted. */
  pause: (signal: AbortSignal) => Promise<void>;
}

/** Resolves after an abort. Rejects when the server refuses to tell of its jobs. */
export async function watchJobs({ client, display, signal, pause }: WatchJobsOptions): Promise<void> {
  const watched = new Set<string>();
  const known = new Set((await client.jobs.list({ limit: 100, signal })).data.filter(isOver).map(({ id }) => id));

  const follow = async (job: Job) => {
    for await (const event of client.jobs.events(job.id, { signal })) display.event(job, event);
  };
  const look = async () => {
    const { data } = await client.jobs.list({ limit: 100, signal, retry: true });
    for (const job of data.toReversed()) {
      if (watched.has(job.id) || known.has(job.id)) continue;
      watched.add(job.id);
      // A job that was deleted while it was watched has nothing more to tell.
      follow(job).catch((error: unknown) => {
        if (!signal.aborted && !(error instanceof ApiError)) display.note(`${job.name}: ${(error as Error).message}`);
      });
    }
  };
  try {
    for (;;) {
      await look();
      await pause(signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const isOver = ({ status }: Job) => isTerminalStatus(status);
