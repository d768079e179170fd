/** A job's data sets may carry a token or a signed URL, which are for the runner alone. */
import type { DatasetSource, Job } from "../protocol/job.ts";

/** The job as anybody may see it. */
export function hideTokens(job: Job): Job {
  const { dataset, evalDataset } = job.spec;
  const spec = { ...job.spec, dataset: withoutSecrets(dataset) };
  return { ...job, spec: evalDataset ? { ...spec, evalDataset: withoutSecrets(evalDataset) } : spec };
}

/** The source without what lets its bearer in. */
export function withoutSecrets(source: DatasetSource): DatasetSource {
  if (source.type !== "huggingface" && source.type !== "blob") return source;
  const { token: _, ...rest } = source;
  return rest.type === "blob" ? { ...rest, url: withoutSignature(rest.url) } : rest;
}

/** A query may be a signature, whatever its names: what is left says which file it is. */
function withoutSignature(text: string): string {
  const url = new URL(text);
  url.username = "";
  url.password = "";
  url.search = "";
  url.hash = "";
  return url.href;
}
