/** `client.jobs`: mirrors `/v1/jobs`. */
import type { JobEvent } from "../protocol/event.ts";
import {
  type Checkpoint,
  isTerminalStatus,
  type Job,
  type JobFile,
  type JobSpecInput,
  type JobStatus,
} from "../protocol/job.ts";
import type { Page } from "../protocol/page.ts";
import { type EventsOptions, followEvents } from "./events.ts";
import { type RequestOptions, send, sendJson, type Transport } from "./http.ts";

export interface CreateJobOptions extends RequestOptions {
  /** Two requests with one key make one job. Default: none. */
  idempotencyKey?: string;
}

export interface ListJobsOptions extends RequestOptions {
  /** Most jobs to give, newest first. */
  limit?: number;
  /** Give jobs older than the one with this id. */
  after?: string;
  status?: JobStatus;
}

export interface HistoryOptions extends RequestOptions {
  /** Most events to give. Default 1000. */
  limit?: number;
  /** Give only events with a larger id. */
  after?: number;
}

export interface ListCheckpointsOptions extends RequestOptions {
  /** Most checkpoints to give, oldest first. */
  limit?: number;
  /** Give checkpoints of later steps than this. */
  after?: number;
}

export interface DownloadOptions {
  /** As in HTTP: `bytes=0-99`, `bytes=100-`, `bytes=-100`. Default: everything. */
  range?: string;
  /** Entity tag of the file that the range is of. */
  ifRange?: string;
  signal?: AbortSignal;
}

/** Every method rejects with `ApiError` when the server refuses, and `MidrunError` `network` when it cannot be reached. */
export interface JobsResource {
  /** Validates and queues a job. Gives it as the server stored it, defaults filled in. */
  create(spec: JobSpecInput, options?: CreateJobOptions): Promise<Job>;
  retrieve(jobId: string, options?: RequestOptions): Promise<Job>;
  /** Newest first. */
  list(options?: ListJobsOptions): Promise<Page<Job>>;
  cancel(jobId: string, options?: RequestOptions): Promise<Job>;
  /** Deletes a job that is over, with its history, its files and its models. */
  delete(jobId: string, options?: RequestOptions): Promise<void>;
  /** Saves a checkpoint after the current step and stops there. */
  pause(jobId: string, options?: RequestOptions): Promise<Job>;
  /** Ends a job after its current step and keeps what it has learnt: it is completed, with a final adapter. */
  stop(jobId: string, options?: RequestOptions): Promise<Job>;
  /** Continues a paused job from its newest checkpoint. */
  resume(jobId: string, options?: RequestOptions): Promise<Job>;
  /** Every event from the first (or after `after`), then live, until the job is over. Survives dropped connections. */
  events(jobId: string, options?: EventsOptions): AsyncIterable<JobEvent>;
  /** The events that there are now, oldest first; a page of them after the one with id `after`. */
  history(jobId: string, options?: HistoryOptions): Promise<Page<JobEvent>>;
  /** Oldest first. Each has the `model` name under which `client.models.infer` asks it. */
  checkpoints(jobId: string, options?: ListCheckpointsOptions): Promise<Page<Checkpoint>>;
  /** Every file that the job made, with its size and hash. */
  artifacts(jobId: string, options?: RequestOptions): Promise<Page<JobFile>>;
  /**
   * The bytes of one of them, by its `name`. `range: "bytes=100-"` gives the rest of a download that broke off; with `ifRange`,
   * the `etag` of its beginning, only if the file is still the same (status 206), else all of it (200).
   */
  downloadArtifact(jobId: string, name: string, options?: DownloadOptions): Promise<Response>;
}

export function createJobsResource(transport: Transport): JobsResource {
  const command = (verb: string) => (jobId: string, options?: RequestOptions) =>
    sendJson<Job>(transport, { method: "POST", path: `${pathOf(jobId)}/${verb}` }, options);
  const retrieve = (jobId: string, options?: RequestOptions) =>
    sendJson<Job>(transport, { method: "GET", path: pathOf(jobId) }, options);

  return {
    create: (spec, { idempotencyKey, ...options } = {}) => {
      const headers: Record<string, string> = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
      return sendJson<Job>(transport, { method: "POST", path: "/v1/jobs", body: spec, headers }, options);
    },
    retrieve,
    list: ({ limit, after, status, ...options } = {}) => {
      const path = `/v1/jobs${queryOf({ limit, after, status })}`;
      return sendJson<Page<Job>>(transport, { method: "GET", path }, options);
    },
    delete: async (jobId, options) => {
      await sendJson<unknown>(transport, { method: "DELETE", path: pathOf(jobId) }, options);
    },
    cancel: command("cancel"),
    pause: command("pause"),
    stop: command("stop"),
    resume: command("resume"),
    events: (jobId, options) => {
      const isOver = async () => isTerminalStatus((await retrieve(jobId, { signal: options?.signal })).status);
      return followEvents({ open: opener(transport, jobId), isOver }, transport, options);
    },
    history: (jobId, { limit = 1000, after, ...options } = {}) => {
      const path = `${pathOf(jobId)}/events${queryOf({ limit, after })}`;
      return sendJson<Page<JobEvent>>(transport, { method: "GET", path }, options);
    },
    checkpoints: (jobId, { limit, after, ...options } = {}) => {
      const path = `${pathOf(jobId)}/checkpoints${queryOf({ limit, after })}`;
      return sendJson<Page<Checkpoint>>(transport, { method: "GET", path }, options);
    },
    artifacts: (jobId, options) =>
      sendJson<Page<JobFile>>(transport, { method: "GET", path: `${pathOf(jobId)}/artifacts` }, options),
    downloadArtifact: (jobId, name, { range, ifRange, signal } = {}) => {
      const encoded = name.split("/").map(encodeURIComponent).join("/");
      const headers = { ...(range ? { range } : {}), ...(ifRange ? { "if-range": ifRange } : {}) };
      const path = `${pathOf(jobId)}/artifacts/${encoded}`;
      return send(transport, { method: "GET", path, headers, ...(signal ? { signal } : {}) });
    },
  };
}

function opener(transport: Transport, jobId: string) {
  return (lastEventId: number | undefined, signal: AbortSignal | undefined) =>
    send(transport, {
      method: "GET",
      path: `${pathOf(jobId)}/events`,
      headers: {
        accept: "text/event-stream",
        ...(lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) }),
      },
      ...(signal ? { signal } : {}),
    });
}

function pathOf(jobId: string): string {
  return `/v1/jobs/${encodeURIComponent(jobId)}`;
}

function queryOf(parameters: Record<string, string | number | undefined>): string {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, `${value}`]],
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
