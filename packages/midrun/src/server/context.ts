/** What the routes are given, and what each request carries. */
import type { Asked } from "./all-routes.ts";
import type { FileHashes } from "./artifacts/file-hashes.ts";
import type { Clock } from "./clock.ts";
import type { Counters } from "./counters.ts";
import type { EventLog } from "./event-log.ts";
import type { FileService } from "./files/file-service.ts";
import type { UploadService } from "./files/upload-service.ts";
import type { FineTuningService } from "./fine-tuning/service.ts";
import type { ModelAliases } from "./model-aliases.ts";
import type { Runners } from "./runners.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Reporting } from "./sinks/reporting.ts";
import type { Store } from "./store.ts";

export interface Services {
  store: Store;
  log: EventLog;
  scheduler: Scheduler;
  runners: Runners;
  files: FileService;
  uploads: UploadService;
  fineTuning: FineTuningService;
  modelAliases: ModelAliases;
  /** Directory for everything that the job writes. */
  jobDirOf: (jobId: string) => string;
  fileHashes: FileHashes;
  reporting: Reporting;
  /** Largest file. Default: OpenAI's limits, 512 MiB and 64 MiB for a part. */
  maxFileBytes?: number;
  counters: Counters;
  clock: Clock;
  pingMs: number;
  /** Told of failures that the caller cannot be told: faults of the server, and what breaks a stream. */
  onError: (error: unknown, requestId: string | null) => void;
}

export interface Env {
  Bindings: { asked: Asked };
  Variables: { requestId: string };
}
