/** A job as OpenAI's API shows it. */
import type { FineTuningJob } from "openai/resources/fine-tuning/jobs/jobs";
import type { JobStatus } from "../../protocol/job.ts";
import { toUnix } from "../file-object.ts";
import type { JobRecord } from "../store.ts";
import { failureCode } from "./check-job.ts";
import type { DataProblem, Hyperparameters } from "./record.ts";

/** The clients' types do not know the two states of a pause; OpenAI's own description returns one of them. */
export type WireStatus = FineTuningJob["status"] | "pausing" | "paused";
/** A list of jobs must stay readable: the job's events have more. */
const maxProblems = 100;

/** Beside OpenAI's three fields what is wrong with the files: how much, and the first of it. */
export type WireJobError = NonNullable<FineTuningJob["error"]> & { problem_count?: number; problems?: DataProblem[] };
export type WireJob = Omit<FineTuningJob, "status" | "error"> & { status: WireStatus; error: WireJobError | null };

const statuses: { [S in JobStatus]: (job: JobRecord) => WireStatus } = {
  queued: ({ held }) => (held ? "validating_files" : "queued"),
  running: ({ requested }) => (requested === "pause" ? "pausing" : "running"),
  paused: () => "paused",
  completed: () => "succeeded",
  failed: () => "failed",
  cancelled: () => "cancelled",
};

const toWireStatus = (job: JobRecord): WireStatus => statuses[job.status](job);

function toWireHyperparameters({ nEpochs, batchSize, learningRateMultiplier, beta }: Hyperparameters) {
  return {
    n_epochs: nEpochs,
    batch_size: batchSize,
    learning_rate_multiplier: learningRateMultiplier,
    ...(beta === undefined ? {} : { beta }),
  };
}

/** `auto` stays until training begins. */
function hyperparametersOf({ fineTuning, startedAt }: JobRecord) {
  if (!fineTuning) return {};
  return toWireHyperparameters(startedAt === null ? fineTuning.asked : fineTuning.resolved);
}

function toMethod(job: JobRecord): NonNullable<FineTuningJob["method"]> {
  const hyperparameters = hyperparametersOf(job);
  return job.spec.method === "dpo"
    ? { type: "dpo", dpo: { hyperparameters } }
    : { type: "supervised", supervised: { hyperparameters } };
}

/** From the runner's own measure of its speed. */
function estimateFinish({ status, metrics, totalSteps, spec }: JobRecord, now: number): number | null {
  if (status !== "running" || !metrics?.samplesPerSecond || totalSteps === null || !spec.batchSize) return null;
  const samples = (totalSteps - metrics.step) * spec.batchSize * (spec.gradientAccumulationSteps ?? 1);
  return Math.ceil(now / 1000 + samples / metrics.samplesPerSecond);
}

/** Codes of ours for which OpenAI has one of its own. */
const errorCodes: Record<string, string> = { invalid_dataset: "invalid_training_file", internal: "server_error" };

function toError({ error, fineTuning }: JobRecord): WireJobError | null {
  if (!error) return null;
  const { code, message, param } = error;
  const { problems = [], problemCount = 0 } = fineTuning?.check ?? {};
  if (problems.length === 0) return { code: errorCodes[code] ?? code, message, param };
  return {
    code: failureCode(problems, fineTuning!),
    message,
    param,
    problem_count: problemCount,
    problems: problems.slice(0, maxProblems),
  };
}

const uploadOf = (source: JobRecord["spec"]["dataset"] | undefined) =>
  source?.type === "upload" ? source.fileId : null;

/** `now`: milliseconds since 1970. Jobs of the other doors are shown as well; data that are no file have no id. */
export function toWireJob(job: JobRecord, now: number): WireJob {
  const { fineTuning, spec } = job;
  const succeeded = job.status === "completed";
  return {
    id: job.id,
    object: "fine_tuning.job",
    created_at: toUnix(job.createdAt),
    model: job.model,
    status: toWireStatus(job),
    training_file: uploadOf(spec.dataset) ?? "",
    validation_file: uploadOf(spec.evalDataset),
    fine_tuned_model: succeeded ? job.modelName : null,
    finished_at: job.finishedAt === null ? null : toUnix(job.finishedAt),
    estimated_finish: estimateFinish(job, now),
    trained_tokens: fineTuning?.trainedTokens ?? null,
    result_files: succeeded && fineTuning ? [fineTuning.resultFile] : [],
    hyperparameters: hyperparametersOf(job),
    method: toMethod(job),
    organization_id: "org-midrun",
    seed: spec.seed ?? 42,
    error: toError(job),
    integrations: (fineTuning?.integrations ?? []) as NonNullable<FineTuningJob["integrations"]>,
    metadata: spec.metadata ?? null,
    ...(fineTuning?.suffix ? { user_provided_suffix: fineTuning.suffix } : {}),
  };
}
