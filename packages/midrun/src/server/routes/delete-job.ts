/** `DELETE /v1/jobs/:id`: a job that is over, with its history, its files and its models. */
import { rm } from "node:fs/promises";
import { MidrunError } from "../../errors.ts";
import { isTerminalStatus, type JobStatus, jobStatuses } from "../../protocol/job.ts";
import type { Services } from "../context.ts";
import type { JobRecord, Store } from "../store.ts";

const over = jobStatuses.filter(isTerminalStatus);
const unfinished = jobStatuses.filter((status) => !isTerminalStatus(status));

export interface JobDeleted {
  id: string;
  deleted: true;
}

/** Throws `job_not_found`, and `invalid_state` while the job, or one that goes on from its result, is not over. */
export async function deleteJob({ store, jobDirOf }: Services, id: string): Promise<JobDeleted> {
  const job = await store.getJob(id);
  if (!job) throw unknown(id);
  const heir = await findHeir(store, job);
  if (heir) throw inUse(job, heir);
  const status = await store.deleteJob(id, over);
  if (status === null) throw unknown(id);
  if (!isTerminalStatus(status)) throw notOver(id, status);
  // Last: a job without files is a fault, files without a job are only in the way.
  await rm(jobDirOf(id), { recursive: true, force: true });
  return { id, deleted: true };
}

/** A job that has still to begin from this one's weights, or to begin again. */
async function findHeir(store: Store, { modelName }: JobRecord): Promise<JobRecord | null> {
  const { data } = await store.listJobs({ limit: 1000, status: unfinished });
  return data.find(({ spec }) => spec.model === modelName || spec.model.startsWith(`${modelName}:`)) ?? null;
}

const unknown = (id: string) =>
  new MidrunError("job_not_found", `There is no job "${id}".`, { param: "id", hint: "GET /v1/jobs lists them." });

const notOver = (id: string, status: JobStatus) =>
  new MidrunError("invalid_state", `Job ${id} is ${status}: only a job that is over can be deleted.`, {
    param: "id",
    hint: "Cancel it first.",
  });

const inUse = (job: JobRecord, heir: JobRecord) =>
  new MidrunError("invalid_state", `Job ${heir.id} goes on from ${job.modelName} and is ${heir.status}.`, {
    param: "id",
    hint: `Delete ${job.id} when that one is over.`,
  });
