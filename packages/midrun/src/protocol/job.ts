/** The job: what it is made from (`jobSpecSchema`, strict) and what the server tells of it (`Job`). */
import { z } from "zod";
import type { JobErrorBody, StepMetrics } from "./event.ts";

const positiveInt = z.int().positive();
/** `10`, `{ steps: 10 }` or `{ ratio: 0.1 }` of all steps. */
const stepsSchema = z.union([
  z.int().nonnegative(),
  z.strictObject({ steps: z.int().nonnegative() }),
  z.strictObject({ ratio: z.number().min(0).max(1) }),
]);
export type Steps = z.infer<typeof stepsSchema>;

export const datasetFormats = [
  "chatml",
  "sharegpt",
  "alpaca",
  "text",
  "prompt_completion",
  "pretokenized",
  "preference",
] as const;
const datasetFormatName = z.enum(datasetFormats);

export const datasetSourceSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("huggingface"),
    name: z.string().min(1),
    split: z.string().optional(),
    subset: z.string().optional(),
    revision: z.string().optional(),
    token: z.string().optional(),
  }),
  z.strictObject({ type: z.literal("blob"), url: z.url(), token: z.string().optional() }),
  z.strictObject({ type: z.literal("file"), path: z.string().min(1) }),
  /** One after the other. `content: "text"`: each file is one row of plain text. */
  z.strictObject({
    type: z.literal("files"),
    paths: z.array(z.string().min(1)).min(1),
    content: z.enum(["rows", "text"]).optional(),
  }),
  z.strictObject({ type: z.literal("inline"), rows: z.array(z.record(z.string(), z.unknown())).min(1) }),
  z.strictObject({ type: z.literal("upload"), fileId: z.string().min(1) }),
]);
export type DatasetSource = z.infer<typeof datasetSourceSchema>;

const loraSchema = z.strictObject({
  r: positiveInt.max(1024).default(16),
  alpha: z.number().positive().default(16),
  maxLength: positiveInt.optional(),
  /** Train on a base whose linear weights are held in 4 bits: less memory, longer steps. */
  loadIn4bit: z.boolean().optional(),
  /** The same in 8 bits. */
  loadIn8bit: z.boolean().optional(),
  dropout: z.number().min(0).lt(1).optional(),
  targetModules: z.array(z.string().min(1)).min(1).optional(),
  layers: positiveInt.optional(),
  useRslora: z.boolean().optional(),
  useDora: z.boolean().optional(),
  initStd: z.number().positive().optional(),
  seed: z.int().nonnegative().optional(),
});
export type LoraConfig = z.input<typeof loraSchema>;

/** In how many bits a job's base weights are held; null = as they are in the file. */
export function weightBitsOf({ lora }: { lora?: LoraConfig | false | undefined }): 4 | 8 | null {
  if (!lora) return null;
  return lora.loadIn4bit ? 4 : lora.loadIn8bit ? 8 : null;
}

/** Every field of `createTrainer`'s input that is data: what POST /v1/jobs takes. */
export const jobSpecSchema = z.strictObject({
  name: z.string().min(1),
  model: z.string().min(1),
  dataset: datasetSourceSchema,
  datasetFormat: z
    .union([
      datasetFormatName,
      z.strictObject({ type: datasetFormatName, columnMapping: z.record(z.string(), z.string()).optional() }),
    ])
    .optional(),
  datasetSplit: z
    .strictObject({
      enabled: z.boolean(),
      testSize: z.number().gt(0).lt(1).default(0.1),
      seed: z.int().nonnegative().default(42),
      /** Which rows are held out: chosen by `seed` (default), or the last ones. */
      take: z.enum(["random", "last"]).optional(),
    })
    .optional(),
  evalDataset: datasetSourceSchema.optional(),
  method: z.enum(["sft", "dpo"]).default("sft"),
  /** How strongly `dpo` is held to the model that the run starts from. Default 0.1. */
  dpoBeta: z.number().positive().optional(),
  lora: z.union([loraSchema, z.literal(false)]).optional(),
  maxSteps: positiveInt.optional(),
  numTrainEpochs: z.number().positive().optional(),
  learningRate: z.number().positive().optional(),
  lrMin: z.number().nonnegative().optional(),
  batchSize: positiveInt.optional(),
  gradientAccumulationSteps: positiveInt.optional(),
  maxGradNorm: z.number().nonnegative().optional(),
  optim: z.enum(["adamw"]).optional(),
  lrSchedulerType: z.enum(["constant", "linear", "cosine"]).optional(),
  weightDecay: z.number().nonnegative().optional(),
  warmupRatio: z.number().min(0).max(1).optional(),
  warmupSteps: stepsSchema.optional(),
  loggingSteps: stepsSchema.optional(),
  saveSteps: stepsSchema.optional(),
  /** Keep the newest so many checkpoints, and the best. Default: all. */
  keepCheckpoints: positiveInt.optional(),
  evalSteps: stepsSchema.optional(),
  /** Ends the run after `patience` looks in a row without an improvement larger than `minDelta`; the best checkpoint is the result. */
  earlyStopping: z
    .strictObject({
      metric: z.enum(["evalLoss", "evalAccuracy", "loss"]).default("evalLoss"),
      patience: positiveInt,
      minDelta: z.number().nonnegative().optional(),
    })
    .optional(),
  packing: z.boolean().optional(),
  seed: z.int().nonnegative().optional(),
  /** Texts longer than `lora.maxLength` become windows that begin so many tokens apart. Default: they are cut. */
  textStride: positiveInt.optional(),
  /** Jinja source that replaces the model's own chat template in training. */
  chatTemplate: z.string().min(1).optional(),
  /** Log events also tell of each micro-batch. */
  microBatchMetrics: z.boolean().optional(),
  trainOnResponsesOnly: z.union([z.boolean(), z.strictObject({ enabled: z.boolean() })]).optional(),
  /** Services that are told of the run's metrics; the server has their addresses and keys. Default: none. */
  reportTo: z
    .strictObject({
      wandb: z
        .strictObject({
          project: z.string().min(1),
          /** User or team. Default: the key's. */
          entity: z.string().min(1).optional(),
          /** As boards show the run. Default: the job's name. */
          name: z.string().min(1).optional(),
          tags: z.array(z.string().min(1)).optional(),
        })
        .optional(),
      mlflow: z
        .strictObject({
          experiment: z.string().min(1),
          /** Default: the job's name. */
          runName: z.string().min(1).optional(),
        })
        .optional(),
    })
    .optional(),
  engine: z.enum(["embedded", "torch", "ray"]).optional(),
  /** Of the jobs that wait, those of the highest priority go first. Default 0. */
  priority: z.int().min(-100).max(100).optional(),
  /** What becomes of the job when its server died while it ran. Default: as the server is set, which is `resume`. */
  onRestart: z.enum(["resume", "fail"]).optional(),
  dryRun: z.boolean().optional(),
  metadata: z.record(z.string().max(64), z.string().max(512)).optional(),
});
/** As a user writes it. */
export type JobSpecInput = z.input<typeof jobSpecSchema>;
/** As the server stores it: defaults filled in. */
export type JobSpec = z.output<typeof jobSpecSchema>;

export const jobStatuses = ["queued", "running", "paused", "completed", "failed", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];

export function isTerminalStatus(status: JobStatus): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** A file or directory that a job made. `path` is absolute, on the server's machine. */
export interface Artifact {
  kind: "checkpoint" | "adapter" | "model";
  step: number;
  path: string;
  files: string[];
}

/** A file of a job, as `GET /v1/jobs/:id/artifacts` lists it. */
export interface JobFile {
  /** `checkpoints/step-000100/adapter_model.safetensors`: goes behind `/v1/jobs/:id/artifacts/` to get the bytes. */
  name: string;
  /** `config`: the effective configuration; `dataset`: what the data turned out to be, and their hash. */
  kind: Artifact["kind"] | "metrics" | "config" | "dataset";
  /** Of the checkpoint or the result that it belongs to; null for what tells of the whole run. */
  step: number | null;
  sizeBytes: number;
  /** Hexadecimal, lower case. */
  sha256: string;
}

export interface Job {
  id: string;
  name: string;
  model: string;
  status: JobStatus;
  spec: JobSpec;
  /** ISO 8601. */
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  /** Last finished optimizer step. */
  step: number;
  totalSteps: number | null;
  metrics: StepMetrics | null;
  /** Every checkpoint, oldest first, then the final adapter. */
  artifacts: Artifact[];
  /** `ft:{base}:midrun:{name}:{8 alphanumerics}`, the `model` of chat completions; null until completed. */
  fineTunedModel: string | null;
  error: JobErrorBody | null;
}

/** A saved checkpoint, as `GET /v1/jobs/:id/checkpoints` lists it, oldest first. */
export interface Checkpoint {
  jobId: string;
  step: number;
  /** `ft:…:ckpt-step-{step}`: the `model` under which this checkpoint answers, from the moment it is saved. */
  model: string;
  /** ISO 8601. */
  createdAt: string;
  artifact: Artifact;
  metrics: StepMetrics | null;
}
