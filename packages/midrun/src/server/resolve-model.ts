/** Which weights answer to a name. */
import { MidrunError } from "../errors.ts";
import type { AdapterRef } from "../protocol/chat.ts";
import { type Artifact, weightBitsOf } from "../protocol/job.ts";
import { type ModelAliases, resolveAlias } from "./model-aliases.ts";
import { parseModelName, toCheckpointName } from "./model-name.ts";
import type { Runner } from "./runner.ts";
import { pickRunner, type Runners } from "./runners.ts";
import type { JobRecord, Store } from "./store.ts";

export interface ResolvedModel {
  runner: Runner;
  /** Base model, as its job named it; after full fine-tuning the directory of the new model. */
  model: string;
  adapterDir: string | null;
  /** In how many bits the base's weights were held in training; null = as they are in the file. */
  weightBits: 4 | 8 | null;
  /** What the answer calls itself. */
  name: string;
}

const notFound = (message: string, hint: string | null = null) =>
  new MidrunError("model_not_found", message, { param: "model", hint });

function ofArtifact(runners: Runners, job: JobRecord, artifact: Artifact, name: string): ResolvedModel {
  const runner = pickRunner(runners, job.spec.engine);
  const isWholeModel = job.spec.lora === false;
  return isWholeModel
    ? { runner, model: artifact.path, adapterDir: null, weightBits: null, name }
    : { runner, model: job.model, adapterDir: artifact.path, weightBits: weightBitsOf(job.spec), name };
}

function finalOf(runners: Runners, job: JobRecord): ResolvedModel {
  const artifact = job.artifacts.find(({ kind }) => kind !== "checkpoint");
  if (artifact) return ofArtifact(runners, job, artifact, job.modelName);
  throw notFound(
    `Job ${job.id} has no final adapter: it is ${job.status}.`,
    job.artifacts.length > 0
      ? `Its newest checkpoint is "${toCheckpointName(job.modelName, job.artifacts.at(-1)!.step)}".`
      : null,
  );
}

function checkpointOf(runners: Runners, job: JobRecord, step: number): ResolvedModel {
  const checkpoints = job.artifacts.filter(({ kind }) => kind === "checkpoint");
  const artifact = checkpoints.find((each) => each.step === step);
  if (artifact) return ofArtifact(runners, job, artifact, toCheckpointName(job.modelName, step));
  const steps = checkpoints.map((each) => each.step);
  const { keepCheckpoints: kept } = job.spec;
  const gaveWay = kept !== undefined && steps.length > 0 && step < Math.max(...steps);
  const why = gaveWay ? ` any more, if it ever had: it keeps the newest ${kept} (keepCheckpoints) and the best` : "";
  throw notFound(
    `Job ${job.id} has no checkpoint of step ${step}${why}.`,
    `It has: ${steps.join(", ") || "none yet"}.`,
  );
}

/** @throws MidrunError `model_not_found` for a name that no job gave, `job_not_found` for a reference to no job. */
export async function resolveModel(
  { store, runners, modelAliases = {} }: { store: Store; runners: Runners; modelAliases?: ModelAliases },
  target: string | AdapterRef,
): Promise<ResolvedModel> {
  if (typeof target !== "string") {
    const job = await store.getJob(target.jobId);
    if (!job) throw new MidrunError("job_not_found", `There is no job "${target.jobId}".`, { param: "adapter.jobId" });
    return target.kind === "final" ? finalOf(runners, job) : checkpointOf(runners, job, target.step);
  }
  const parsed = parseModelName(target);
  if (!parsed) {
    const model = resolveAlias(modelAliases, target);
    return { runner: pickRunner(runners), model, adapterDir: null, weightBits: null, name: target };
  }
  const job = await store.findJobByModelName(parsed.modelName);
  if (!job) throw notFound(`There is no model "${target}".`, "GET /v1/models lists those that there are.");
  return parsed.step === null ? finalOf(runners, job) : checkpointOf(runners, job, parsed.step);
}
