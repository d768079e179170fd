/** Jobs that a full disk stopped go on when there is space again. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "./clock.ts";
import type { JobRecord, Store } from "./store.ts";

/** Whether a job that writes to `dir` can go on. */
export type HasSpace = (dir: string) => Promise<boolean>;

const enoughBytes = 64 * 2 ** 20;

/** At least 64 MiB are free on the disk of `dir`, which need not exist yet. */
export async function hasSpace(dir: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize >= enoughBytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(dir) === dir) throw error;
    return hasSpace(dirname(dir));
  }
}

export const waitsForSpace = ({ status, error }: Pick<JobRecord, "status" | "error">) =>
  status === "paused" && error?.code === "disk_full";

export interface SpaceWatchOptions {
  store: Store;
  clock: Clock;
  hasSpace: HasSpace;
  /** Where the job writes. */
  dirOf: (jobId: string) => string;
  /** Jobs to look after. */
  isOurs: (job: JobRecord) => boolean;
  resume: (jobId: string) => Promise<unknown>;
  onError: (error: unknown) => void;
}

const everyMs = 30_000;

/** Looks every 30 seconds. Gives the function that ends it. */
export function watchSpace(options: SpaceWatchOptions): () => void {
  const { store, clock, hasSpace, dirOf, isOurs, resume, onError } = options;
  let looking = false;

  async function look(): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const { data, hasMore } = await store.listJobs({ limit: 100, status: ["paused"], ...(after ? { after } : {}) });
      for (const job of data) {
        if (waitsForSpace(job) && isOurs(job) && (await hasSpace(dirOf(job.id)))) await resume(job.id);
      }
      after = data.at(-1)?.id;
      if (!hasMore) return;
    }
  }

  return clock.every(everyMs, () => {
    if (looking) return;
    looking = true;
    look()
      .catch(onError)
      .finally(() => {
        looking = false;
      });
  });
}
