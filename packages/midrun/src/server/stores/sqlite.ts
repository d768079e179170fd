/** Jobs in an SQLite file. Calls are synchronous inside; each is one transaction that is on disk when it returns. */
import { dirname, join } from "node:path";
import type { SQLInputValue } from "node:sqlite";
import type { JobEvent } from "../../protocol/event.ts";
import type { JobStatus } from "../../protocol/job.ts";
import { defaultProject } from "../key-records.ts";
import { toCheckpointName } from "../model-name.ts";
import {
  assertSameRequest,
  type ClaimJob,
  type IdempotencyKey,
  type JobChange,
  type JobRecord,
  type ListJobs,
  type ModelRecord,
  type NewEvent,
  noJobs,
  type Store,
} from "../store.ts";
import { createSqliteCompletions } from "./sqlite-completions.ts";
import { createSqliteFiles } from "./sqlite-files.ts";
import { createSqliteKeys } from "./sqlite-keys.ts";
import { openDatabase, transaction } from "./sqlite-open.ts";
import {
  type ArtifactRow,
  type EventRow,
  fromArtifact,
  type JobRow,
  toAssignments,
  toEvent,
  toJobRecord,
  toStoredArtifact,
} from "./sqlite-rows.ts";
import { createStatements, type Statements, type Values } from "./sqlite-statements.ts";

export interface SqliteStoreOptions {
  /** How long to wait for another process to let go of the file. Default 1000. */
  lockTimeoutMs?: number;
}

const selectJob = "SELECT jobs.*, spec FROM jobs JOIN job_specs ON job_id = jobs.id";
const queueEnd = "(SELECT coalesce(max(queue_position), 0) + 1 FROM jobs)";

const placeholders = (values: Values) => values.map(() => "?").join(", ");

function readJob({ all }: Statements, row: JobRow): JobRecord {
  // "checkpoint" sorts after "adapter", yet comes first.
  const order = "ORDER BY kind <> 'checkpoint', step";
  return toJobRecord(row, all<ArtifactRow>(`SELECT * FROM artifacts WHERE job_id = ? ${order}`, row.id));
}

function findJob(statements: Statements, where: string, ...values: Values): JobRecord | null {
  const row = statements.get<JobRow>(`${selectJob} ${where}`, ...values);
  return row ? readJob(statements, row) : null;
}

function jobOfKey({ get }: Statements, key: IdempotencyKey): string | null {
  const stored = get<IdempotencyKey & { job_id: string }>("SELECT * FROM idempotency_keys WHERE key = ?", key.key);
  if (!stored) return null;
  assertSameRequest(stored, key);
  return stored.job_id;
}

function appendEvents({ run }: Statements, jobId: string, lastId: number, events: readonly NewEvent[]): JobEvent[] {
  return events.map(({ timestamp, ...body }, i) => {
    const row = { id: lastId + 1 + i, timestamp, body: JSON.stringify(body) };
    run("INSERT INTO events (job_id, id, timestamp, body) VALUES (?, ?, ?, ?)", jobId, row.id, timestamp, row.body);
    return toEvent(jobId, row);
  });
}

function applyChange(statements: Statements, jobId: string, lastEventId: number, change: JobChange): JobEvent[] {
  const { set = {}, enqueue, artifacts = [], removeArtifacts = [], events = [], key } = change;
  const { run } = statements;
  if (key) run("INSERT INTO idempotency_keys VALUES (?, ?, ?)", key.key, key.fingerprint, jobId);
  const { sql, values } = toAssignments(set);
  const assignments = [...sql, "last_event_id = ?", ...(enqueue ? [`queue_position = ${queueEnd}`] : [])];
  run(`UPDATE jobs SET ${assignments.join(", ")} WHERE id = ?`, ...values, lastEventId + events.length, jobId);
  for (const artifact of artifacts) {
    run("INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?, ?, ?, ?, ?)", jobId, ...fromArtifact(artifact));
  }
  for (const { kind, step } of removeArtifacts) {
    run("DELETE FROM artifacts WHERE job_id = ? AND kind = ? AND step = ?", jobId, kind, step);
  }
  return appendEvents(statements, jobId, lastEventId, events);
}

function listJobs(statements: Statements, { after, limit, status, projectId }: ListJobs) {
  const conditions = ["1"];
  const values: SQLInputValue[] = [];
  if (after !== undefined) {
    conditions.push("seq < (SELECT seq FROM jobs WHERE id = ?)");
    values.push(after);
  }
  if (status) {
    conditions.push(`status IN (${placeholders(status)})`);
    values.push(...status);
  }
  if (projectId !== undefined) {
    conditions.push("project_id = ?");
    values.push(projectId);
  }
  const where = `WHERE ${conditions.join(" AND ")} ORDER BY seq DESC LIMIT ?`;
  const rows = statements.all<JobRow>(`${selectJob} ${where}`, ...values, limit + 1);
  return { data: rows.slice(0, limit).map((row) => readJob(statements, row)), hasMore: rows.length > limit };
}

/** Everything that refers to a job. */
const tablesOfJobs = ["events", "artifacts", "idempotency_keys", "job_specs"];

const waiting = "status = 'queued' AND NOT held";
const queueOrder = "ORDER BY priority DESC, queue_position LIMIT 1";
const leased = "id = ? AND status = 'running' AND lease_token = ?";

function claimJob(statements: Statements, { holder, startedAt, among }: ClaimJob): JobRecord | null {
  const only = among ? ` AND id IN (${placeholders(among)})` : "";
  const next = statements.get<JobRow>(`SELECT id FROM jobs WHERE ${waiting}${only} ${queueOrder}`, ...(among ?? []));
  if (!next) return null;
  statements.run(
    `UPDATE jobs SET status = 'running', started_at = coalesce(started_at, ?), lease_holder = ?, lease_beat = 0,
     lease_token = lease_token + 1 WHERE id = ?`,
    ...[startedAt, holder, next.id],
  );
  return findJob(statements, "WHERE jobs.id = ?", next.id);
}

function listModels({ all }: Statements, projectId?: string): ModelRecord[] {
  type Row = { name: string; createdAt: string; step: number | null };
  const owned = projectId === undefined ? "1" : "project_id = ?";
  const owner = projectId === undefined ? [] : [projectId];
  const bases = `SELECT model AS name, min(created_at) AS createdAt FROM jobs WHERE ${owned} GROUP BY model ORDER BY min(seq)`;
  // Each job's own name before its checkpoints.
  const trained = `
    SELECT model_name AS name, artifacts.created_at AS createdAt, NULL AS step, seq
      FROM artifacts JOIN jobs ON job_id = jobs.id WHERE kind <> 'checkpoint' AND status = 'completed' AND ${owned}
    UNION ALL
    SELECT model_name, artifacts.created_at, artifacts.step, seq FROM artifacts JOIN jobs ON job_id = jobs.id
      WHERE kind = 'checkpoint' AND ${owned}
    ORDER BY seq, step`;
  return [
    ...all<Row>(bases, ...owner).map(({ name, createdAt }) => ({ name, createdAt, trained: false })),
    ...all<Row>(trained, ...owner, ...owner).map(({ name, createdAt, step }) => {
      return { name: step === null ? name : toCheckpointName(name, step), createdAt, trained: true };
    }),
  ];
}

/** API keys lie beside the jobs. */
function keysPathOf(path: string): string {
  return path === ":memory:" ? path : join(dirname(path), "keys.db");
}

/**
 * A store in the SQLite file at `path`, made when missing; `:memory:` for none. The file belongs to one process at a time.
 * @throws MidrunError `io` when the file is in use, damaged or unreachable; `not_supported` when a newer midrun wrote it.
 */
export function createSqliteStore(path: string, { lockTimeoutMs = 1000 }: SqliteStoreOptions = {}): Store {
  const database = openDatabase(path, lockTimeoutMs);
  const { close: closeKeys, ...keys } = createSqliteKeys(keysPathOf(path));
  const statements = createStatements(database);
  const { run, get, all } = statements;

  return {
    exclusive: true,
    ...createSqliteFiles(statements, (work) => transaction(database, work)),
    ...createSqliteCompletions(statements),
    ...keys,

    createJob: async (job, first, key) =>
      transaction(database, () => {
        const earlier = key && jobOfKey(statements, key);
        if (earlier) return { job: findJob(statements, "WHERE jobs.id = ?", earlier)!, events: [] };
        const { id, name, model, modelName, createdAt, spec, held = false, fineTuning = null } = job;
        const { projectId = defaultProject.id } = job;
        run(
          `INSERT INTO jobs (id, name, model, model_name, created_at, held, fine_tuning, priority, project_id, status,
           queue_position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ${queueEnd})`,
          ...[id, name, model, modelName, createdAt, Number(held), fineTuning && JSON.stringify(fineTuning)],
          ...[spec.priority ?? 0, projectId],
        );
        run("INSERT INTO job_specs VALUES (?, ?)", id, JSON.stringify(spec));
        const events = applyChange(statements, id, 0, { from: [], events: [first], ...(key ? { key } : {}) });
        return { job: findJob(statements, "WHERE jobs.id = ?", id)!, events };
      }),

    changeJob: async (jobId, change) =>
      transaction(database, () => {
        const row = get<JobRow>("SELECT status, last_event_id, lease_token FROM jobs WHERE id = ?", jobId);
        if (!row) return null;
        if (change.key && jobOfKey(statements, change.key)) {
          return { outcome: "replayed", status: row.status, events: [] };
        }
        if (!change.from.includes(row.status)) return { outcome: "refused", status: row.status, events: [] };
        const isFenced = change.lease !== undefined && change.lease !== row.lease_token;
        if (isFenced) return { outcome: "fenced", status: row.status, events: [] };
        const events = applyChange(statements, jobId, row.last_event_id, change);
        return { outcome: "applied", status: change.set?.status ?? row.status, events };
      }),

    deleteJob: async (jobId, from) =>
      transaction(database, () => {
        const status = get<Pick<JobRow, "status">>("SELECT status FROM jobs WHERE id = ?", jobId)?.status ?? null;
        if (status === null || !from.includes(status)) return status;
        for (const table of tablesOfJobs) run(`DELETE FROM ${table} WHERE job_id = ?`, jobId);
        run("DELETE FROM jobs WHERE id = ?", jobId);
        return status;
      }),

    getJob: async (jobId) => findJob(statements, "WHERE jobs.id = ?", jobId),
    findJobByModelName: async (modelName) => findJob(statements, "WHERE model_name = ?", modelName),
    findKey: async (key) => jobOfKey(statements, key),
    listJobs: async (options) => listJobs(statements, options),
    async countJobs() {
      type Row = { status: JobStatus; count: number };
      const rows = all<Row>("SELECT status, count(*) AS count FROM jobs GROUP BY status");
      return { ...noJobs(), ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) };
    },
    nextQueued: async () => findJob(statements, `WHERE ${waiting} ${queueOrder}`),
    claimJob: async (claim) => transaction(database, () => claimJob(statements, claim)),

    takeOver: async (jobId, token, holder) =>
      transaction(database, () => {
        const set = "lease_token = lease_token + 1, lease_holder = ?, lease_beat = 0";
        const { changes } = run(`UPDATE jobs SET ${set} WHERE ${leased}`, holder, jobId, token);
        return changes > 0 ? findJob(statements, "WHERE jobs.id = ?", jobId) : null;
      }),

    async beat(jobId, token) {
      const sql = `UPDATE jobs SET lease_beat = lease_beat + 1 WHERE ${leased} RETURNING requested`;
      const row = get<Pick<JobRow, "requested">>(sql, jobId, token);
      return row ? { requested: row.requested } : null;
    },

    listEvents: async (jobId, { after, limit }) =>
      all<EventRow>(
        "SELECT id, timestamp, body FROM events WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?",
        ...[jobId, after, limit],
      ).map((row) => toEvent(jobId, row)),

    listEventsBefore: async (jobId, { before = Number.MAX_SAFE_INTEGER, limit }) =>
      all<EventRow>(
        "SELECT id, timestamp, body FROM events WHERE job_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
        ...[jobId, before, limit],
      ).map((row) => toEvent(jobId, row)),

    listCheckpoints: async (jobId, { after, limit }) =>
      all<ArtifactRow>(
        "SELECT * FROM artifacts WHERE job_id = ? AND kind = 'checkpoint' AND step > ? ORDER BY step LIMIT ?",
        ...[jobId, after, limit],
      ).map(toStoredArtifact),

    listModels: async (projectId) => listModels(statements, projectId),
    async close() {
      closeKeys();
      database.close();
    },
  };
}
