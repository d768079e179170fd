/** Data sets that were uploaded: `{ type: "upload", fileId }` becomes the file that a runner can read. */
import { MidrunError } from "../errors.ts";
import type { DatasetSource, JobSpec } from "../protocol/job.ts";
import type { FileService } from "./files/file-service.ts";
import type { FileStorage } from "./files/storage.ts";

/** `stage`: whether the job is yet to be accepted. One that has been keeps its data, whoever deletes the file. */
export type ResolveSpec = (spec: JobSpec, stage: "new" | "accepted") => Promise<JobSpec>;

/** For a new job the function throws `file_not_found`, naming the field. */
export function createSpecResolver(files: FileService, storage: FileStorage): ResolveSpec {
  async function resolve(source: DatasetSource, param: string, isNew: boolean): Promise<DatasetSource> {
    if (source.type !== "upload") return source;
    const { fileId } = source;
    if (isNew && !(await files.find(fileId))) {
      throw new MidrunError("file_not_found", `There is no file "${fileId}".`, {
        param: `${param}.fileId`,
        hint: "Upload it with POST /v1/files, purpose fine-tune.",
      });
    }
    return { type: "file", path: storage.pathOf(fileId) };
  }

  return async (spec, stage) => {
    const isNew = stage === "new";
    const dataset = await resolve(spec.dataset, "dataset", isNew);
    if (!spec.evalDataset) return { ...spec, dataset };
    return { ...spec, dataset, evalDataset: await resolve(spec.evalDataset, "evalDataset", isNew) };
  };
}
