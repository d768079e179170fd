/**
 * The one way into a job's history. Every change goes to the store first; only then are followers told.
 * A follower has no queue: it holds the id of its last event and reads on from there, so that a slow one costs nothing
 * and nothing can be lost or doubled between replay and live.
 */
import { MidrunError } from "../errors.ts";
import { isTerminalEvent, type JobEvent } from "../protocol/event.ts";
import { isTerminalStatus } from "../protocol/job.ts";
import type { ChangeResult, IdempotencyKey, JobChange, JobRecord, NewEvent, NewJob, Store } from "./store.ts";

export interface FollowOptions {
  /** Begin after the event with this id. Default 0: from the first one. */
  after?: number;
  /** Ends the loop, which then throws the signal's reason. */
  signal?: AbortSignal;
}

export interface EventLog {
  /** `Store.createJob`, then tells followers. */
  create(job: NewJob, first: NewEvent, key?: IdempotencyKey): Promise<JobRecord>;
  /** `Store.changeJob`, then tells followers. */
  change(jobId: string, change: JobChange): Promise<ChangeResult | null>;
  /**
   * Every event after `after`, each once and in order: those stored, then new ones as they come. Ends after the terminal
   * event, at the end of a finished job's history, or when the log is closed. Throws `job_not_found`.
   */
  follow(jobId: string, options?: FollowOptions): AsyncGenerator<JobEvent, void>;
  /** Ends every follower. */
  close(): void;
  /** True after `close`: a follower's end then says nothing about its job. */
  readonly closed: boolean;
}

/** What the followers of one job share. It exists only while there are any. */
interface Channel {
  followers: number;
  /** Counts publications, so that none is missed between reading and waiting. */
  version: number;
  ended: boolean;
  /** The newest events, without gaps: most followers need no more, and read them without asking the store. */
  recent: JobEvent[];
  waiting: Set<() => void>;
}

const recentLimit = 256;
const pageSize = 256;

function remember(channel: Channel, events: readonly JobEvent[]): void {
  const last = channel.recent.at(-1);
  // Out of order (a store may finish two writes in either order): followers read the store instead.
  const continues = last === undefined || events[0]?.id === last.id + 1;
  channel.recent = continues ? [...channel.recent, ...events].slice(-recentLimit) : [];
}

function publish(channel: Channel, events: readonly JobEvent[]): void {
  remember(channel, events);
  channel.version++;
  channel.ended ||= events.some(isTerminalEvent);
  wake(channel);
}

function wake({ waiting }: Channel): void {
  for (const resume of [...waiting]) resume();
}

/** Resolves at the first publication after `version`, at once when there has been one. Rejects when `signal` aborts. */
function changeSince(channel: Channel, version: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (channel.version !== version) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = () => {
      channel.waiting.delete(settle);
      signal?.removeEventListener("abort", settle);
      signal?.aborted ? reject(signal.reason) : resolve();
    };
    channel.waiting.add(settle);
    signal?.addEventListener("abort", settle);
  });
}

/** Null: the recent events do not reach back so far. */
function readRecent({ recent }: Channel, after: number): JobEvent[] | null {
  const first = recent[0];
  return first && first.id <= after + 1 ? recent.slice(after + 1 - first.id) : null;
}

/** `onEnd`: called once a job's terminal event is stored. `onEvents`: called with what was stored. */
export function createEventLog(
  store: Store,
  onEnd: (jobId: string) => void = () => {},
  onEvents: (events: readonly JobEvent[]) => void = () => {},
): EventLog {
  const channels = new Map<string, Channel>();
  let closed = false;

  const announce = (jobId: string, events: readonly JobEvent[]) => {
    onEvents(events);
    const channel = channels.get(jobId);
    if (channel && events.length > 0) publish(channel, events);
  };

  const openChannel = (jobId: string): Channel => {
    const fresh: Channel = { followers: 0, version: 0, ended: false, recent: [], waiting: new Set() };
    const channel = channels.get(jobId) ?? fresh;
    channels.set(jobId, channel);
    channel.followers++;
    return channel;
  };

  const leaveChannel = (jobId: string, channel: Channel) => {
    channel.followers--;
    if (channel.followers === 0) channels.delete(jobId);
  };

  async function* followChannel(jobId: string, channel: Channel, { after = 0, signal }: FollowOptions) {
    const job = await store.getJob(jobId);
    if (!job) throw new MidrunError("job_not_found", `There is no job "${jobId}".`, { param: "id" });
    const finished = isTerminalStatus(job.status);
    for (let last = after; ; ) {
      signal?.throwIfAborted();
      const { version, ended } = channel;
      const events = readRecent(channel, last) ?? (await store.listEvents(jobId, { after: last, limit: pageSize }));
      for (const event of events) {
        if (closed) return;
        yield event;
        signal?.throwIfAborted();
        last = event.id;
        if (isTerminalEvent(event)) return;
      }
      if (events.length > 0) continue;
      if (finished || ended || closed) return;
      await changeSince(channel, version, signal);
    }
  }

  return {
    async create(job, first, key) {
      const created = await store.createJob(job, first, key);
      announce(created.job.id, created.events);
      return created.job;
    },

    async change(jobId, change) {
      const result = await store.changeJob(jobId, change);
      if (!result) return null;
      announce(jobId, result.events);
      if (result.events.some(isTerminalEvent)) onEnd(jobId);
      return result;
    },

    async *follow(jobId, options = {}) {
      const channel = openChannel(jobId);
      try {
        yield* followChannel(jobId, channel, options);
      } finally {
        leaveChannel(jobId, channel);
      }
    },

    close() {
      closed = true;
      for (const channel of channels.values()) wake(channel);
    },

    get closed() {
      return closed;
    },
  };
}
