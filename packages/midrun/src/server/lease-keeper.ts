/**
 * Shows that a scheduler lives, and finds the jobs of those that do not. Nobody's clock is compared with another's: a holder is
 * dead when its beat stood still over several looks, each of them a third of a lease after the one before. A machine that
 * slept looks at an old beat once, and no more.
 */
import type { Clock } from "./clock.ts";
import type { JobRecord, RequestedCommand, Store } from "./store.ts";

export interface LeaseKeeperOptions {
  store: Store;
  /** Token of this scheduler's lease of a job; undefined: it has none. */
  tokenOf: (jobId: string) => number | undefined;
  /** Ids of the jobs that this scheduler trains. */
  held: () => string[];
  /** Passes on a command that came through another server; `cancel` also when the lease is lost. */
  command: (jobId: string, command: RequestedCommand) => void;
  /** Nobody trains this job any more. */
  onDead: (job: JobRecord) => Promise<void>;
}

export interface LeaseKeeper {
  /** One sign of life, and one look at the others. Every third of a lease. */
  tick(): Promise<void>;
}

const looks = 3;

/** Every job that runs, whoever trains it. */
export async function listRunning(store: Store): Promise<JobRecord[]> {
  const jobs: JobRecord[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.listJobs({ limit: 100, status: ["running"], ...(after ? { after } : {}) });
    jobs.push(...page.data);
    if (!page.hasMore) return jobs;
    after = jobs.at(-1)!.id;
  }
}

export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { store, tokenOf, held, command, onDead } = options;
  /** What was seen of other schedulers' jobs, and how often in a row. */
  let seen = new Map<string, { mark: string; times: number }>();

  async function beat(jobId: string): Promise<void> {
    const token = tokenOf(jobId);
    if (token === undefined) return;
    const answer = await store.beat(jobId, token);
    const asked = answer ? answer.requested : "cancel";
    if (asked) command(jobId, asked);
  }

  async function look(): Promise<void> {
    const others = (await listRunning(store)).filter(({ id }) => tokenOf(id) === undefined);
    const before = seen;
    seen = new Map(
      others.map(({ id, lease }) => {
        const mark = `${lease.token}:${lease.beat}`;
        const last = before.get(id);
        return [id, { mark, times: last?.mark === mark ? last.times + 1 : 0 }];
      }),
    );
    for (const job of others) if (seen.get(job.id)!.times >= looks) await onDead(job);
  }

  return {
    async tick() {
      for (const jobId of held()) await beat(jobId);
      await look();
    },
  };
}

/** Ticks until the function it gives is called; one tick at a time. `leaseMs`: how long a holder may be silent. */
export function startTicking(
  { tick }: LeaseKeeper,
  { clock, leaseMs, onError }: { clock: Clock; leaseMs: number; onError: (error: unknown) => void },
): () => void {
  let busy = false;
  return clock.every(Math.ceil(leaseMs / looks), () => {
    if (busy) return;
    busy = true;
    tick()
      .catch(onError)
      .finally(() => {
        busy = false;
      });
  });
}
