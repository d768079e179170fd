/** Puts the server together. `Request` in, `Response` out: on a port, in process and in tests alike. */
import { join } from "node:path";
import { createRoutes } from "./all-routes.ts";
import { createFileHashes } from "./artifacts/file-hashes.ts";
import { type AuthMode, createGate } from "./auth.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Services } from "./context.ts";
import { type Counters, createCounters } from "./counters.ts";
import { createEventLog } from "./event-log.ts";
import { createDiskStorage } from "./files/disk-storage.ts";
import { createFileService } from "./files/file-service.ts";
import type { FileStorage } from "./files/storage.ts";
import { createTidying } from "./files/tidying.ts";
import { createUploadService } from "./files/upload-service.ts";
import { writeResultFile } from "./fine-tuning/result-file.ts";
import { createFineTuning } from "./fine-tuning/service.ts";
import { createFront } from "./front.ts";
import { createKeyService } from "./keys.ts";
import type { AllowedHosts } from "./loopback-guard.ts";
import type { ModelAliases } from "./model-aliases.ts";
import { type ServerLog, silentLog } from "./observe/log.ts";
import { createMetrics } from "./observe/metrics.ts";
import { createProjectRoutes } from "./projects/project-routes.ts";
import { createProjectStore } from "./projects/project-store.ts";
import { limitRate } from "./rate-limit.ts";
import type { Runners } from "./runners.ts";
import { type CloseOptions, createScheduler } from "./scheduler.ts";
import { type Reporting, reportingSinks } from "./sinks/reporting.ts";
import type { CreateSink } from "./sinks/sink.ts";
import { createSinkService } from "./sinks/sink-service.ts";
import type { Store } from "./store.ts";
import { createSpecResolver } from "./uploaded-datasets.ts";

export interface AppOptions {
  /** The app's from here on: `close()` closes it. */
  store: Store;
  /** The app's from here on: `close()` closes them. */
  runners: Runners;
  /** Jobs write below `jobs/{id}` in it. Absolute. */
  dataDir: string;
  /** Jobs in training at the same time. Default 1. */
  slots?: number;
  /** What becomes of jobs that were running when their server died, unless they say so themselves. Default `resume`. */
  onRestart?: "resume" | "fail";
  /**
   * Take up jobs that an earlier server left behind. Default true. False, for programs that only look in: queued ones wait for
   * a server that does, or to be resumed; running ones are paused.
   */
  adopt?: boolean;
  /** Over a store that several servers share: how long one may be silent before its jobs are taken from it. Default 15,000. */
  leaseMs?: number;
  clock?: Clock;
  /** Time between two pings on an event stream. Default 15,000. */
  pingMs?: number;
  /** Largest request body that is not a file. Default 64 MiB. */
  maxBodyBytes?: number;
  /** Largest file. Default 512 MiB, and 64 MiB for a part of an upload. */
  maxFileBytes?: number;
  /** Where uploaded and result files lie. Default: `files` in `dataDir`. */
  files?: FileStorage;
  /** Names that stand for models here: `{ "gpt-4o-mini": "Qwen/Qwen3-0.6B" }`. */
  modelAliases?: ModelAliases;
  /** Where metrics go besides the event log. Default: nowhere. */
  sinks?: readonly CreateSink[];
  /** Services that jobs may ask to be told of their metrics. Default: none. */
  reporting?: Reporting;
  /** Whether requests need an API key. Default `auto`: as soon as one was made; see `AuthMode`. */
  auth?: AuthMode;
  /** Requests a minute that each key, or everybody without one together, may send. Default: any number. */
  requestsPerMinute?: number;
  /** Where requests, jobs and faults are told of. Default: nowhere. */
  serverLog?: ServerLog;
  /** Host names that may be used besides this machine's own. Default: none. */
  allowedHosts?: AllowedHosts;
  /** Told of faults in the server, with the request's id when there is one. Default: `serverLog`; without one, a warning of the process. */
  onError?: (error: unknown, requestId: string | null) => void;
}

export interface App {
  /** What has been counted since the server began. */
  counters: Counters;
  fetch(request: Request): Response | Promise<Response>;
  /** `fetch` for a path: `app.request("/v1/jobs", { method: "POST", … })`. */
  request(input: string | Request, init?: RequestInit): Response | Promise<Response>;
  /** Resolves when the jobs that an earlier server left running are settled; requests wait for it. */
  ready: Promise<void>;
  /** Stops running jobs after their current step, ends event streams, closes runners and store. */
  close(options?: CloseOptions): Promise<void>;
}

const mebibyte = 2 ** 20;

function warn(error: unknown, requestId: string | null): void {
  const detail = requestId === null ? {} : { detail: `request ${requestId}` };
  process.emitWarning(error instanceof Error ? (error.stack ?? error.message) : String(error), detail);
}

/** The options that are given, for a callee that has its own defaults. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** What the routes stand on, over everything that there is. */
function createServices(
  options: AppOptions,
  onError: Services["onError"],
  onEvents: Parameters<typeof createEventLog>[2],
) {
  const { store, runners, dataDir, clock = systemClock, pingMs = 15_000, modelAliases = {} } = options;
  const { maxFileBytes, files: storage = createDiskStorage(join(dataDir, "files")) } = options;
  const onFault = (error: unknown) => onError(error, null);
  const jobDirOf = (jobId: string) => join(dataDir, "jobs", jobId);
  const files = createFileService({ store, storage, clock });
  const uploads = createUploadService({ store, storage, files, clock });
  const tidying = createTidying({ store, storage, files, uploads, onError: onFault });
  const log = createEventLog(store, tidying.afterJob, onEvents);
  const { reporting = {} } = options;
  const wanted = [...(options.sinks ?? []), ...reportingSinks(reporting)];
  const sinks = createSinkService({ store, log, jobDirOf, clock, sinks: wanted, onError: onFault });
  const { slots, onRestart, adopt, leaseMs } = options;
  const scheduler = createScheduler({
    ...{ store, log, runners, jobDirOf, clock, modelAliases },
    ...given({ slots, onRestart, adopt, leaseMs }),
    resolveSpec: createSpecResolver(files, storage),
    complete: (job) => writeResultFile(job, { store: createProjectStore(store, job.projectId), storage, clock }),
    begun: sinks.follow,
    onError: onFault,
  });
  const fineTuning = createFineTuning({
    ...{ store, scheduler, files, storage, clock, reporting },
    aliases: modelAliases,
    onError: onFault,
  });
  const services: Services = {
    ...{ store, log, scheduler, runners, files, uploads, fineTuning, modelAliases, clock, pingMs, onError },
    ...{ reporting, jobDirOf, fileHashes: createFileHashes(), counters: createCounters() },
    ...given({ maxFileBytes }),
  };
  return { services, storage, tidying, sinks };
}

/** A server over the given store and runners. It begins to work on queued jobs at once. */
export function createApp(options: AppOptions): App {
  const { store, dataDir, clock = systemClock, serverLog = silentLog, requestsPerMinute } = options;
  const { onError = options.serverLog ? serverLog.fault : warn } = options;
  const { services, storage, tidying, sinks } = createServices(options, onError, (events) => {
    metrics.events(events);
    serverLog.events(events);
  });
  const { scheduler, fineTuning, counters, log } = services;
  const metrics = createMetrics({ store, counters });
  const ready = tidying
    .atStart()
    .then(() => scheduler.start())
    .then(() => fineTuning.recover());
  // Told to whoever waits for it: the first request, or the caller.
  ready.catch(() => {});
  const everybodys = createRoutes(services);
  const projects = createProjectRoutes(services, { storage, dataDir });
  const front = createFront({
    gate: createGate(createKeyService({ records: store, clock }), options.auth ?? "auto"),
    allowedHosts: options.allowedHosts ?? [],
    limitRate: requestsPerMinute === undefined ? null : limitRate({ requestsPerMinute, clock }),
    maxBodyBytes: options.maxBodyBytes ?? 64 * mebibyte,
    ready,
    isClosed: () => log.closed,
    whyNot: async () => (log.closed || scheduler.closing ? "The server is ending." : whyNotReady(ready, store)),
    answer: (request, asked, key) => (key ? projects.of(key.projectId) : everybodys).fetch(request, { asked }),
    metrics,
    onAnswer(answered) {
      metrics.request(answered);
      serverLog.request(answered);
    },
    onError,
  });

  return {
    counters,
    fetch: (request) => front.fetch(request),
    request: (input, init) => front.request(input, init),
    ready,
    async close(closeOptions) {
      await Promise.all([fineTuning.close(), projects.close()]);
      await scheduler.close(closeOptions);
      await tidying.done();
      await sinks.close();
      await store.close();
    },
  };
}

/** Null: it is. A start that has not ended, or failed, or a store that does not answer. */
async function whyNotReady(ready: Promise<void>, store: Store): Promise<string | null> {
  const starting = Symbol();
  try {
    if ((await Promise.race([ready, Promise.resolve(starting)])) === starting) return "The server is starting.";
    await store.countJobs();
    return null;
  } catch {
    return "The server could not start, or its store does not answer. Its log has the reason.";
  }
}
