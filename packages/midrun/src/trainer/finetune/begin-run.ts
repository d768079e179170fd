/** Starting, resuming or joining a run: one decision at a time for each model. */
import { MidrunError } from "../../errors.ts";
import type { Job, JobSpec } from "../../protocol/job.ts";
import { refuseChanges } from "./changed-options.ts";
import { fromStart, type Reading, readSoFar } from "./follow-run.ts";
import { directoryKey, toJobSpec } from "./job-spec.ts";
import type { LocalFiles } from "./local-files.ts";
import type { ResolvedOptions } from "./params.ts";
import { type Calls, directoryOf, findActive, findPaused, limits, requireJob } from "./runs.ts";

export interface RunRequest {
  modelId: string;
  operation?: "start" | "resume" | undefined;
  options: ResolvedOptions;
  requestId: string;
}

/** The run that the request means, from where its reader is to go on. Throws `invalid_state` when it may not be. */
export async function beginRun(calls: Calls, files: LocalFiles, request: RunRequest): Promise<Reading> {
  const { modelId, operation } = request;
  const spec = await toJobSpec(request, files);
  const active = await findActive(calls, modelId);
  if (active) return joinRun(calls, active, spec, request);
  const paused = (await findPaused(calls, modelId)).find((job) => isSameRun(job, spec));
  if (paused && operation === "start") throw mustNotStart(paused, "has a paused fine-tuning run");
  if (paused) return resumeRun(calls, paused, spec, request.options);
  if (operation === "resume") throw nothingToResume(modelId, spec);
  const { requestId: idempotencyKey } = request;
  return fromStart(requireJob(await calls.client.jobs.create(spec, { idempotencyKey, ...limits(calls) })));
}

const isSameRun = (job: Job, spec: JobSpec) => directoryOf(job) === spec.metadata?.[directoryKey];

/** A run that goes on already: one that a server took up again after a crash, or one that another caller began. */
async function joinRun(calls: Calls, active: Job, spec: JobSpec, { operation, options }: RunRequest): Promise<Reading> {
  if (operation === "start" || !isSameRun(active, spec)) throw mustNotStart(active, "is being fine-tuned");
  refuseChanges(active, spec, options);
  // A server in this process leaves a queue that it did not make alone.
  if (active.status === "queued" && calls.client.inProcess) await calls.client.jobs.resume(active.id, limits(calls));
  return readSoFar(calls, active, { isActive: true });
}

async function resumeRun(calls: Calls, paused: Job, spec: JobSpec, options: ResolvedOptions): Promise<Reading> {
  refuseChanges(paused, spec, options);
  const reading = await readSoFar(calls, paused, { isActive: false });
  return { ...reading, job: requireJob(await calls.client.jobs.resume(paused.id, limits(calls))) };
}

function mustNotStart(job: Job, what: string): MidrunError {
  const message = `Model ${job.spec.model} ${what} (job ${job.id}, step ${job.step}, ${directoryOf(job)}).`;
  const paused = "Resume it, or cancel it before starting from scratch.";
  const active = "Wait for it, or pause or cancel it first.";
  return new MidrunError("invalid_state", message, {
    param: "modelId",
    hint: job.status === "paused" ? paused : active,
  });
}

function nothingToResume(modelId: string, spec: JobSpec): MidrunError {
  const directory = spec.metadata?.[directoryKey];
  return new MidrunError("invalid_state", `Model ${modelId} has no paused fine-tuning run to resume in ${directory}.`, {
    param: "operation",
    hint: 'Use operation "start", or leave it out; a run is found by its model and checkpointSaveDir.',
  });
}
