/** Puts the server together. `Request` in, `Response` out: on a port, in process and in tests alike. */
import { join } from "node:path";
import { Hono } from "hono";
import { MidrunError } from "../errors.ts";
import { createFileHashes } from "./artifacts/file-hashes.ts";
import { limitBody } from "./body-limit.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Env, Services } from "./context.ts";
import { type Counters, createCounters } from "./counters.ts";
import { createEventLog } from "./event-log.ts";
import { createDiskStorage } from "./files/disk-storage.ts";
import { createFileService } from "./files/file-service.ts";
import type { FileStorage } from "./files/storage.ts";
import { createTidying } from "./files/tidying.ts";
import { createUploadService } from "./files/upload-service.ts";
import { writeResultFile } from "./fine-tuning/result-file.ts";
import { createFineTuning } from "./fine-tuning/service.ts";
import { errorResponse, isForeseen } from "./http-error.ts";
import { newRequestId } from "./ids.ts";
import { type AllowedHosts, loopbackGuard } from "./loopback-guard.ts";
import type { ModelAliases } from "./model-aliases.ts";
import { chatCompletionRoutes } from "./routes/chat-completions.ts";
import { checkpointPermissionRoutes } from "./routes/checkpoint-permissions.ts";
import { completionRoutes } from "./routes/completions.ts";
import { fileRoutes } from "./routes/files.ts";
import { fineTuningJobRoutes } from "./routes/fine-tuning-jobs.ts";
import { graderRoutes } from "./routes/graders.ts";
import { inferenceRoutes } from "./routes/inference.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { modelRoutes } from "./routes/models.ts";
import { storedCompletionRoutes } from "./routes/stored-completions.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import type { Runners } from "./runners.ts";
import { type CloseOptions, createScheduler } from "./scheduler.ts";
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
  /** Host names that may be used besides this machine's own. Default: none. */
  allowedHosts?: AllowedHosts;
  /** Told of faults in the server, with the request's id when there is one. Default: a warning of the process. */
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

const isFileUpload = (method: string, path: string) =>
  method === "POST" && /^\/v1\/(files|uploads\/[^/]+\/parts)$/.test(path);

function createRoutes(services: Services, options: AppOptions, ready: Promise<void>): Hono<Env> {
  const { allowedHosts = [], maxBodyBytes = 64 * mebibyte } = options;
  const app = new Hono<Env>();

  app.use(async (c, next) => {
    const requestId = newRequestId();
    c.set("requestId", requestId);
    c.header("x-request-id", requestId);
    await next();
  });
  app.use(loopbackGuard(allowedHosts));
  const limited = limitBody(maxBodyBytes);
  // Files have a limit of their own, and are never held in memory to be measured.
  app.use((c, next) => (isFileUpload(c.req.method, c.req.path) ? next() : limited(c, next)));
  app.use(async (_, next) => {
    if (services.log.closed) throw new MidrunError("aborted", "The server has ended.");
    await ready;
    await next();
  });

  app.route("/v1/jobs", jobRoutes(services));
  app.route("/v1/models", modelRoutes(services));
  app.route("/v1/chat/completions", chatCompletionRoutes(services));
  app.route("/v1/chat/completions", storedCompletionRoutes(services));
  app.route("/v1/completions", completionRoutes(services));
  app.route("/v1/inference", inferenceRoutes(services));
  app.route("/v1/files", fileRoutes(services));
  app.route("/v1/uploads", uploadRoutes(services));
  app.route("/v1/fine_tuning/jobs", fineTuningJobRoutes(services));
  app.route("/v1/fine_tuning/checkpoints", checkpointPermissionRoutes(services));
  app.route("/v1/fine_tuning/alpha/graders", graderRoutes(services));

  app.notFound((c) => {
    const { pathname } = new URL(c.req.url);
    const error = new MidrunError("route_not_found", `Invalid URL (${c.req.method} ${pathname})`);
    return errorResponse(c, error, c.get("requestId"));
  });
  app.onError((error, c) => {
    const requestId = c.get("requestId");
    if (!isForeseen(error)) services.onError(error, requestId);
    return errorResponse(c, error, requestId);
  });
  return app;
}

/** A server over the given store and runners. It begins to work on queued jobs at once. */
export function createApp(options: AppOptions): App {
  const {
    store,
    runners,
    dataDir,
    slots,
    onRestart,
    adopt,
    leaseMs,
    clock = systemClock,
    pingMs = 15_000,
    onError = warn,
  } = options;
  const { modelAliases = {}, maxFileBytes, files: storage = createDiskStorage(join(dataDir, "files")) } = options;
  const onFault = (error: unknown) => onError(error, null);
  const jobDirOf = (jobId: string) => join(dataDir, "jobs", jobId);
  const counters = createCounters();
  const files = createFileService({ store, storage, clock });
  const uploads = createUploadService({ store, storage, files, clock });
  const tidying = createTidying({ store, storage, files, uploads, onError: onFault });
  const log = createEventLog(store, tidying.afterJob);
  const sinks = createSinkService({ store, log, jobDirOf, clock, sinks: options.sinks ?? [], onError: onFault });
  const scheduler = createScheduler({
    store,
    log,
    runners,
    jobDirOf,
    clock,
    ...(slots === undefined ? {} : { slots }),
    ...(onRestart === undefined ? {} : { onRestart }),
    ...(adopt === undefined ? {} : { adopt }),
    ...(leaseMs === undefined ? {} : { leaseMs }),
    modelAliases,
    resolveSpec: createSpecResolver(files, storage),
    complete: (job) => writeResultFile(job, { store, storage, clock }),
    begun: sinks.follow,
    onError: onFault,
  });
  const fineTuning = createFineTuning({
    ...{ store, scheduler, files, storage, clock },
    aliases: modelAliases,
    onError: onFault,
  });
  const ready = tidying
    .atStart()
    .then(() => scheduler.start())
    .then(() => fineTuning.recover());
  // Told to whoever waits for it: the first request, or the caller.
  ready.catch(() => {});
  const services: Services = {
    ...{ store, log, scheduler, runners, files, uploads, fineTuning, modelAliases, clock, pingMs, onError },
    ...{ jobDirOf, fileHashes: createFileHashes(), counters },
    ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
  };
  const routes = createRoutes(services, options, ready);

  return {
    counters,
    fetch: (request) => routes.fetch(request),
    request: (input, init) => routes.request(input, init),
    ready,
    async close(closeOptions) {
      await fineTuning.close();
      await scheduler.close(closeOptions);
      await tidying.done();
      await sinks.close();
      await store.close();
    },
  };
}
