/** Between SQLite's rows and our records: JSON columns and snake_case live here. */
import type { SQLInputValue } from "node:sqlite";
import type { JobEvent } from "../../protocol/event.ts";
import type { Artifact, JobStatus } from "../../protocol/job.ts";
import type { JobFields, JobRecord, RequestedCommand, StoredArtifact } from "../store.ts";

export interface JobRow {
  seq: number;
  id: string;
  name: string;
  model: string;
  model_name: string;
  status: JobStatus;
  requested: RequestedCommand | null;
  crashes: number;
  held: number;
  project_id: string;
  lease_holder: string | null;
  lease_token: number;
  lease_beat: number;
  fine_tuning: string | null;
  last_event_id: number;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  step: number;
  total_steps: number | null;
  metrics: string | null;
  error: string | null;
  spec: string;
}

export interface EventRow {
  id: number;
  timestamp: string;
  body: string;
}

export interface ArtifactRow {
  kind: Artifact["kind"];
  step: number;
  path: string;
  files: string;
  metrics: string | null;
  created_at: string;
}

const toJson = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
const fromJson = (text: string | null) => (text === null ? null : JSON.parse(text));

const toArtifact = ({ kind, step, path, files }: ArtifactRow): Artifact => ({
  kind,
  step,
  path,
  files: JSON.parse(files),
});

export const toStoredArtifact = (row: ArtifactRow): StoredArtifact => ({
  ...toArtifact(row),
  metrics: fromJson(row.metrics),
  createdAt: row.created_at,
});

export const fromArtifact = ({ kind, step, path, files, metrics, createdAt }: StoredArtifact) => [
  kind,
  step,
  path,
  JSON.stringify(files),
  toJson(metrics),
  createdAt,
];

export function toJobRecord(row: JobRow, artifacts: ArtifactRow[]): JobRecord {
  return {
    id: row.id,
    name: row.name,
    model: row.model,
    modelName: row.model_name,
    status: row.status,
    requested: row.requested,
    crashes: row.crashes,
    held: row.held !== 0,
    projectId: row.project_id,
    lease: { holder: row.lease_holder, token: row.lease_token, beat: row.lease_beat },
    fineTuning: fromJson(row.fine_tuning),
    spec: JSON.parse(row.spec),
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    step: row.step,
    totalSteps: row.total_steps,
    metrics: fromJson(row.metrics),
    artifacts: artifacts.map(toArtifact),
    error: fromJson(row.error),
  };
}

export const toEvent = (jobId: string, { id, timestamp, body }: EventRow): JobEvent => ({
  ...JSON.parse(body),
  id,
  jobId,
  timestamp,
});

/** Column of each changeable field, and how its value is written. */
const columns: { [K in keyof JobFields]: { name: string; write: (value: JobFields[K]) => SQLInputValue } } = {
  status: { name: "status", write: (value) => value },
  requested: { name: "requested", write: (value) => value },
  crashes: { name: "crashes", write: (value) => value },
  held: { name: "held", write: Number },
  fineTuning: { name: "fine_tuning", write: toJson },
  startedAt: { name: "started_at", write: (value) => value },
  finishedAt: { name: "finished_at", write: (value) => value },
  step: { name: "step", write: (value) => value },
  totalSteps: { name: "total_steps", write: (value) => value },
  metrics: { name: "metrics", write: toJson },
  error: { name: "error", write: toJson },
};

/** `SET` clause and its values for the given fields. */
export function toAssignments(fields: Partial<JobFields>): { sql: string[]; values: SQLInputValue[] } {
  const given = (Object.keys(columns) as (keyof JobFields)[]).filter((field) => fields[field] !== undefined);
  return {
    sql: given.map((field) => `${columns[field].name} = ?`),
    values: given.map((field) => (columns[field].write as (value: unknown) => SQLInputValue)(fields[field])),
  };
}
