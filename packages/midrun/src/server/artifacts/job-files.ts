/** The files of a job: those of its checkpoints and of its result, and what was written about the run. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Artifact, JobFile } from "../../protocol/job.ts";
import type { JobRecord } from "../store.ts";
import type { FileFacts, FileHashes } from "./file-hashes.ts";

/** A file on disk that has not been hashed yet. */
export type FoundFile = Omit<JobFile, "sha256"> & FileFacts;

interface Candidate extends Pick<JobFile, "name" | "kind" | "step"> {
  path: string;
}

/** Files in the job's own directory that tell of the run. */
const runFiles: Record<string, JobFile["kind"]> = {
  "config.json": "config",
  "dataset.json": "dataset",
  "metrics.jsonl": "metrics",
};
const tensorboardDir = "tensorboard";

const folderOf = ({ kind, path }: Artifact) => (kind === "checkpoint" ? `checkpoints/${basename(path)}` : kind);

const ofArtifact = (artifact: Artifact): Candidate[] =>
  artifact.files.map((file) => ({
    name: `${folderOf(artifact)}/${file}`,
    kind: artifact.kind,
    step: artifact.step,
    path: join(artifact.path, file),
  }));

const isMissing = (error: unknown) => ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function ofRun(jobDir: string): Promise<Candidate[]> {
  const told = Object.entries(runFiles).map(([name, kind]) => ({ name, kind, step: null, path: join(jobDir, name) }));
  const boards = (await namesIn(join(jobDir, tensorboardDir))).map((file) => ({
    name: `${tensorboardDir}/${file}`,
    kind: "metrics" as const,
    step: null,
    path: join(jobDir, tensorboardDir, file),
  }));
  return [...told, ...boards];
}

async function look(candidate: Candidate): Promise<FoundFile[]> {
  try {
    const facts = await stat(candidate.path);
    return facts.isFile() ? [{ ...candidate, sizeBytes: facts.size, modifiedMs: facts.mtimeMs }] : [];
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Checkpoints by step, then the result, then what tells of the run. What is not on disk is not listed. */
export async function findJobFiles(job: Pick<JobRecord, "artifacts">, jobDir: string): Promise<FoundFile[]> {
  const candidates = [...job.artifacts.flatMap(ofArtifact), ...(await ofRun(jobDir))];
  return (await Promise.all(candidates.map(look))).flat();
}

/** As the API tells it. */
export async function toJobFile(file: FoundFile, hashes: FileHashes): Promise<JobFile> {
  const { name, kind, step, sizeBytes } = file;
  return { name, kind, step, sizeBytes, sha256: await hashes.sha256(file) };
}
