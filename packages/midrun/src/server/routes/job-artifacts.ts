/** `/v1/jobs/:id/artifacts`: a job's files, as a list and one by one. */
import type { Context } from "hono";
import { MidrunError } from "../../errors.ts";
import type { JobFile } from "../../protocol/job.ts";
import type { Page } from "../../protocol/page.ts";
import { findJobFiles, toJobFile } from "../artifacts/job-files.ts";
import { serveFile } from "../artifacts/serve-file.ts";
import type { Env, Services } from "../context.ts";
import type { JobRecord } from "../store.ts";

export async function listArtifacts(c: Context<Env>, services: Services, job: JobRecord): Promise<Response> {
  const data: JobFile[] = [];
  // One after the other: hashing is bound by the disk.
  for (const file of await findJobFiles(job, services.jobDirOf(job.id))) {
    data.push(await toJobFile(file, services.fileHashes));
  }
  return c.json({ data, hasMore: false } satisfies Page<JobFile>);
}

/** A name is looked up among the job's files and never becomes a path, so that none leads anywhere else. */
export async function answerArtifact(
  c: Context<Env>,
  services: Services,
  { job, name }: { job: JobRecord; name: string },
): Promise<Response> {
  const found = (await findJobFiles(job, services.jobDirOf(job.id))).find((file) => file.name === name);
  if (found) return serveFile(c, { ...found, sha256: await services.fileHashes.sha256(found) });
  throw new MidrunError("file_not_found", `Job ${job.id} has no file "${name}".`, {
    param: "name",
    hint: `GET /v1/jobs/${job.id}/artifacts lists those that there are.`,
  });
}
