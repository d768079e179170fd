/** Which uploaded files jobs still have to read. */
import type { JobSpec, JobStatus } from "../../protocol/job.ts";
import type { Store } from "../store.ts";

const unfinished: readonly JobStatus[] = ["queued", "running", "paused"];
const pageSize = 100;

/** Ids of the uploaded files that a job is made from. */
export function uploadsOf({ dataset, evalDataset }: JobSpec): string[] {
  return [dataset, evalDataset].flatMap((source) => (source?.type === "upload" ? [source.fileId] : []));
}

/** True while a job that has not ended is made from the file. */
export async function isFileNeeded(store: Pick<Store, "listJobs">, fileId: string): Promise<boolean> {
  for (let after: string | undefined; ; ) {
    const page = await store.listJobs({ limit: pageSize, status: unfinished, ...(after ? { after } : {}) });
    if (page.data.some(({ spec }) => uploadsOf(spec).includes(fileId))) return true;
    if (!page.hasMore) return false;
    after = page.data.at(-1)!.id;
  }
}
