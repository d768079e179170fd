/** The public list of `midrun/server`. */

export { type App, type AppOptions, createApp } from "./app.ts";
export type { AuthMode } from "./auth.ts";
export { type Clock, systemClock } from "./clock.ts";
export type { CompletionRecord, CompletionRecords, ListCompletions } from "./completion-records.ts";
export type {
  FileRecord,
  FileRecords,
  ListFiles,
  PartRecord,
  PermissionRecord,
  UploadRecord,
} from "./file-records.ts";
export { createDiskStorage } from "./files/disk-storage.ts";
export { createMemoryStorage } from "./files/memory-storage.ts";
export type { FileStorage, Written } from "./files/storage.ts";
export type { DataCheck, DataProblem, FineTuningRecord, Hyperparameters } from "./fine-tuning/record.ts";
export type { KeyRecord, KeyRecords, ProjectRecord } from "./key-records.ts";
export {
  type ApiKey,
  createKeyService,
  type KeyService,
  type KeyServiceOptions,
  type NewApiKey,
  type OpenKeys,
  openKeys,
} from "./keys.ts";
export { createLocalServer, type LocalServerOptions, type RunningServer, startServer } from "./local-server.ts";
export type { AllowedHosts } from "./loopback-guard.ts";
export type { ModelAliases } from "./model-aliases.ts";
export { createServerLog, type LogLevel, type LogOptions, logLevels, type ServerLog } from "./observe/log.ts";
export type { GenerateEvent, GenerateInput, Runner, RunnerEvent, TrainHandle, TrainOutcome } from "./runner.ts";
export { createEmbeddedRunner, type EmbeddedRunnerOptions } from "./runners/embedded.ts";
export type { EngineName, Runners } from "./runners.ts";
export type { CloseOptions } from "./scheduler.ts";
export { type Listening, type ListenOptions, listen } from "./serve.ts";
export { fileSinks } from "./sinks/file-sinks.ts";
export type { SinkFetch } from "./sinks/http-json.ts";
export type { MlflowTarget } from "./sinks/mlflow.ts";
export type { Reporting } from "./sinks/reporting.ts";
export type { CreateSink, MetricsSink, SinkInput } from "./sinks/sink.ts";
export type { WandbTarget } from "./sinks/wandb.ts";
export type {
  ChangeResult,
  ClaimJob,
  IdempotencyKey,
  JobChange,
  JobFields,
  JobLease,
  JobRecord,
  ListJobs,
  ModelRecord,
  NewEvent,
  NewJob,
  RequestedCommand,
  Store,
  StoredArtifact,
} from "./store.ts";
export { createMemoryStore, type MemoryStoreOptions } from "./stores/memory.ts";
export { createSqliteStore, type SqliteStoreOptions } from "./stores/sqlite.ts";
export type { CloseMode } from "./transitions.ts";
