/** OpenAI's requests for fine-tuning, files and uploads, as its clients send them: snake_case, `null` for "not given". */
import { z } from "zod";
import { jobSpecSchema } from "./job.ts";

const auto = z.literal("auto");
const epochsSchema = z.union([auto, z.int().min(1).max(50)]);
const batchSizeSchema = z.union([auto, z.int().min(1).max(256)]);
const multiplierSchema = z.union([auto, z.number().gt(0)]);
const betaSchema = z.union([auto, z.number().gt(0).max(2)]);

const supervisedHyperparametersSchema = z.object({
  n_epochs: epochsSchema.nullish(),
  batch_size: batchSizeSchema.nullish(),
  learning_rate_multiplier: multiplierSchema.nullish(),
});
const dpoHyperparametersSchema = supervisedHyperparametersSchema.extend({ beta: betaSchema.nullish() });

/** The parts of the methods that `type` does not name are sent by some clients, and ignored. */
const methodSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("supervised"),
    supervised: z.object({ hyperparameters: supervisedHyperparametersSchema.nullish() }).nullish(),
  }),
  z.object({
    type: z.literal("dpo"),
    dpo: z.object({ hyperparameters: dpoHyperparametersSchema.nullish() }).nullish(),
  }),
  z.object({ type: z.literal("reinforcement") }),
]);

const integrationSchema = z.object({
  type: z.literal("wandb"),
  wandb: z.object({
    project: z.string().min(1),
    name: z.string().nullish(),
    entity: z.string().nullish(),
    tags: z.array(z.string().max(64)).max(50).nullish(),
  }),
});

export const metadataSchema = z
  .record(z.string().max(64), z.string().max(512))
  .refine((metadata) => Object.keys(metadata).length <= 16, "expected at most 16 pairs");

/** What OpenAI's hyperparameters have no word for: fields of this server's own jobs, as they are there. */
const extraSettingsSchema = jobSpecSchema
  .pick({
    ...{ lora: true, packing: true, datasetSplit: true, evalSteps: true, earlyStopping: true },
    ...{ lrSchedulerType: true, lrMin: true, warmupSteps: true, warmupRatio: true },
    ...{ gradientAccumulationSteps: true, weightDecay: true, maxGradNorm: true },
    ...{ saveSteps: true, keepCheckpoints: true, loggingSteps: true, microBatchMetrics: true },
    ...{ textStride: true, chatTemplate: true, trainOnResponsesOnly: true, engine: true, priority: true },
    onRestart: true,
  })
  .strict();

/** Body of `POST /v1/fine_tuning/jobs`. */
export const createFineTuningJobSchema = z.object({
  model: z.string().min(1),
  training_file: z.string().min(1),
  validation_file: z.string().min(1).nullish(),
  suffix: z.string().min(1).max(64).nullish(),
  seed: z.int().min(0).max(2147483647).nullish(),
  method: methodSchema.nullish(),
  hyperparameters: supervisedHyperparametersSchema.nullish(),
  integrations: z.array(integrationSchema).max(5).nullish(),
  metadata: metadataSchema.nullish(),
  midrun: extraSettingsSchema.nullish(),
});
export type CreateFineTuningJob = z.output<typeof createFineTuningJobSchema>;

const filePurposes = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"] as const;

const expiresAfterSchema = z.object({
  anchor: z.literal("created_at"),
  seconds: z.int().min(3600).max(2592000),
});

/** The text fields of `POST /v1/files`, and the rest of `POST /v1/uploads`. */
export const fileFieldsSchema = z.object({
  purpose: z.enum(filePurposes),
  expires_after: expiresAfterSchema.nullish(),
});

/** 8 GiB, in as many parts as there may be. */
const maxUploadBytes = 8 * 2 ** 30;

/** Body of `POST /v1/uploads`. */
export const createUploadSchema = fileFieldsSchema.extend({
  filename: z.string().min(1).max(255),
  bytes: z.int().min(1).max(maxUploadBytes),
  mime_type: z.string().min(1),
});

/** Body of `POST /v1/uploads/{id}/complete`. */
export const completeUploadSchema = z.object({
  part_ids: z.array(z.string()).min(1),
  md5: z
    .string()
    .regex(/^[0-9a-fA-F]{32}$/)
    .nullish(),
});

/** Body of `POST /v1/fine_tuning/checkpoints/{checkpoint}/permissions`. */
export const createPermissionsSchema = z.strictObject({ project_ids: z.array(z.string().min(1)).min(1) });

const named = { name: z.string().min(1) };

const stringCheckSchema = z.object({
  ...named,
  type: z.literal("string_check"),
  input: z.string(),
  reference: z.string(),
  operation: z.enum(["eq", "ne", "like", "ilike"]),
});

export const similarityMetrics = [
  "cosine",
  "fuzzy_match",
  "bleu",
  "gleu",
  "meteor",
  "rouge_1",
  "rouge_2",
  "rouge_3",
  "rouge_4",
  "rouge_5",
  "rouge_l",
] as const;

const textSimilaritySchema = z.object({
  ...named,
  type: z.literal("text_similarity"),
  input: z.string(),
  reference: z.string(),
  evaluation_metric: z.enum(similarityMetrics),
});

const simpleGraderSchema = z.discriminatedUnion("type", [
  stringCheckSchema,
  textSimilaritySchema,
  z.object({ ...named, type: z.literal("python") }),
  z.object({ ...named, type: z.literal("score_model") }),
]);

/** The description, its example and the service disagree about the shape of `graders`: one, a list, or a map of names. */
const graderSchema = z.discriminatedUnion("type", [
  ...simpleGraderSchema.options,
  z.object({
    ...named,
    type: z.literal("multi"),
    graders: z.union([
      simpleGraderSchema,
      z.array(simpleGraderSchema).min(1),
      z.record(z.string(), simpleGraderSchema),
    ]),
    calculate_output: z.string().min(1),
  }),
]);
export type Grader = z.output<typeof graderSchema>;
export type SimpleGrader = z.output<typeof simpleGraderSchema>;

/** Body of `POST /v1/fine_tuning/alpha/graders/run`. */
export const runGraderSchema = z.object({
  grader: graderSchema,
  model_sample: z.string(),
  item: z.record(z.string(), z.unknown()).nullish(),
});
export type RunGrader = z.output<typeof runGraderSchema>;

/** Body of `POST /v1/fine_tuning/alpha/graders/validate`. */
export const validateGraderSchema = z.object({ grader: graderSchema });
