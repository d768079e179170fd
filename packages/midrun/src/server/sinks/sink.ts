/** Where a job's metrics go besides its event log. A sink reads the stored history, so that it may be slow, down or restarted. */
import type { JobEvent } from "../../protocol/event.ts";
import type { JobRecord } from "../store.ts";

export interface MetricsSink {
  /** As it is called in warnings. */
  name: string;
  /**
   * The next events, in order; none is repeated, but for those whose call failed. Called again with these after a pause when it
   * throws. `signal` aborts when the server cannot wait any longer.
   */
  write(events: readonly JobEvent[], signal: AbortSignal): Promise<void>;
  /** How long new events are gathered before they are written. */
  gatherMs: number;
}

export interface SinkInput {
  job: Pick<JobRecord, "id" | "name" | "model" | "spec" | "createdAt">;
  jobDir: string;
}

/** Null: this job does not want it. Every server start makes new ones, which are told the history from its first event. */
export type CreateSink = (input: SinkInput) => MetricsSink | null;
