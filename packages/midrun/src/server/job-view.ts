/** What the API tells of a stored job. */
import type { Job } from "../protocol/job.ts";
import type { JobRecord } from "./store.ts";

export function toJob({ modelName, requested, crashes, held, lease, projectId, fineTuning, ...job }: JobRecord): Job {
  return { ...job, fineTunedModel: job.status === "completed" ? modelName : null };
}
