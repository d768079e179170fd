/** The public list of `midrun`. */
export type { Sleep } from "./client/abort.ts";
export { ApiError } from "./client/api-error.ts";
export { type ClientOptions, createClient, type MidrunClient } from "./client/client.ts";
export type { EventsOptions } from "./client/events.ts";
export type { Fetch, RequestOptions } from "./client/http.ts";
export type { Infer, InferArgs, InferTarget } from "./client/infer.ts";
export type {
  CreateJobOptions,
  DownloadOptions,
  HistoryOptions,
  JobsResource,
  ListCheckpointsOptions,
  ListJobsOptions,
} from "./client/jobs.ts";
export type { ModelInfo, ModelsResource } from "./client/models.ts";
export { type AssistantMessage, readDeltas, readMessage, readText } from "./client/read.ts";
export { type ErrorCode, MidrunError, type MidrunErrorOptions } from "./errors.ts";
export type {
  AdapterRef,
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ResponseFormat,
  StructuredOutputs,
  ToolCall,
  ToolChoice,
  ToolDefinition,
} from "./protocol/chat.ts";
export type {
  JobErrorBody,
  JobEvent,
  JobEventBody,
  JobEventType,
  MicroBatches,
  MicroBatchMetrics,
  StepMetrics,
} from "./protocol/event.ts";
export type {
  Artifact,
  Checkpoint,
  DatasetSource,
  Job,
  JobFile,
  JobSpec,
  JobSpecInput,
  JobStatus,
  LoraConfig,
  Steps,
} from "./protocol/job.ts";
export type { Page } from "./protocol/page.ts";
export { defineConfig, type MidrunConfig } from "./protocol/settings.ts";
export type {
  CancelledContext,
  CheckpointContext,
  CompletedContext,
  FailedContext,
  LogContext,
  StartedContext,
  TrainerCallbacks,
} from "./trainer/callbacks.ts";
export { createMidrun, isMidrun, type Midrun, type MidrunInput } from "./trainer/create-midrun.ts";
export { createTrainer, type Trainer, type TrainerOptions } from "./trainer/create-trainer.ts";
export { type Finetune, finetune } from "./trainer/finetune/finetune.ts";
export { FinetuneError } from "./trainer/finetune/finetune-error.ts";
export {
  type LoadModelParams,
  loadModel,
  type UnloadModelParams,
  unloadModel,
} from "./trainer/finetune/load-model.ts";
export type { RPCOptions } from "./trainer/finetune/rpc-options.ts";
export type {
  FinetuneGetStateParams,
  FinetuneHandle,
  FinetuneOptions,
  FinetuneProgress,
  FinetuneResult,
  FinetuneRunParams,
  FinetuneStats,
  FinetuneStatus,
  FinetuneStopParams,
  FinetuneValidation,
} from "./trainer/finetune/types.ts";
export type { TrainerResult } from "./trainer/follow-job.ts";
export { type RunTrainerOptions, runTrainer } from "./trainer/run-trainer.ts";
export type { TrainerInput } from "./trainer/trainer-input.ts";
