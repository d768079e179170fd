/** Jobs in memory, for tests and for servers that need not remember: the obvious twin of `sqlite.ts`. */
import { MidrunError } from "../../errors.ts";
import type { JobEvent } from "../../protocol/event.ts";
import { defaultProject } from "../key-records.ts";
import { toCheckpointName } from "../model-name.ts";
import {
  assertSameRequest,
  type IdempotencyKey,
  type JobChange,
  type JobRecord,
  type ModelRecord,
  type NewEvent,
  type NewJob,
  noJobs,
  type Store,
  type StoredArtifact,
} from "../store.ts";
import { createMemoryCompletions } from "./memory-completions.ts";
import { createMemoryFiles, isOf } from "./memory-files.ts";
import { createMemoryKeys } from "./memory-keys.ts";

interface Entry {
  record: Omit<JobRecord, "artifacts">;
  queuePosition: number;
  events: JobEvent[];
  artifacts: StoredArtifact[];
}

const isCheckpoint = ({ kind }: StoredArtifact) => kind === "checkpoint";

const checkpointsFirst = (a: StoredArtifact, b: StoredArtifact) =>
  Number(isCheckpoint(b)) - Number(isCheckpoint(a)) || a.step - b.step;

function newEntry(job: NewJob, queuePosition: number): Entry {
  const { id, name, model, modelName, spec, createdAt, held = false, fineTuning = null } = job;
  const { projectId = defaultProject.id } = job;
  const outcome = { startedAt: null, finishedAt: null, step: 0, totalSteps: null, metrics: null, error: null };
  const given = { id, name, model, modelName, spec, createdAt, held, fineTuning, projectId };
  const lease = { holder: null, token: 0, beat: 0 };
  const record = { ...given, ...outcome, status: "queued", requested: null, crashes: 0, lease } as const;
  return { record, queuePosition, events: [], artifacts: [] };
}

function toRecord({ record, artifacts }: Entry): JobRecord {
  const plain = artifacts.map(({ kind, step, path, files }) => ({ kind, step, path, files }));
  return structuredClone({ ...record, artifacts: plain });
}

function putArtifact(entry: Entry, artifact: StoredArtifact): void {
  const others = entry.artifacts.filter(({ kind, step }) => kind !== artifact.kind || step !== artifact.step);
  entry.artifacts = [...others, structuredClone(artifact)].sort(checkpointsFirst);
}

function removeArtifact(entry: Entry, { kind, step }: Pick<StoredArtifact, "kind" | "step">): void {
  entry.artifacts = entry.artifacts.filter((each) => each.kind !== kind || each.step !== step);
}

function appendEvents(entry: Entry, events: readonly NewEvent[]): JobEvent[] {
  const jobId = entry.record.id;
  const stored = events.map((event, i) => ({ ...structuredClone(event), id: entry.events.length + 1 + i, jobId }));
  entry.events.push(...stored);
  return structuredClone(stored);
}

function modelsOf({ record, artifacts }: Entry): ModelRecord[] {
  const checkpoints = artifacts.filter(isCheckpoint).map(({ step, createdAt }) => {
    return { name: toCheckpointName(record.modelName, step), createdAt, trained: true };
  });
  const final = artifacts.find((each) => !isCheckpoint(each));
  if (record.status !== "completed" || !final) return checkpoints;
  return [{ name: record.modelName, createdAt: final.createdAt, trained: true }, ...checkpoints];
}

const priorityOf = ({ record }: Entry) => record.spec.priority ?? 0;

const queueOrder = (a: Entry, b: Entry) => priorityOf(b) - priorityOf(a) || a.queuePosition - b.queuePosition;

export interface MemoryStoreOptions {
  /** False: several servers of one process share the store. Default true. */
  exclusive?: boolean;
}

/** A store that forgets everything when the process ends. */
export function createMemoryStore({ exclusive = true }: MemoryStoreOptions = {}): Store {
  const entries = new Map<string, Entry>();
  const keys = new Map<string, IdempotencyKey & { jobId: string }>();
  let queueEnd = 0;

  const jobOfKey = (key: IdempotencyKey): string | null => {
    const stored = keys.get(key.key);
    if (!stored) return null;
    assertSameRequest(stored, key);
    return stored.jobId;
  };

  const applyChange = (entry: Entry, change: JobChange): JobEvent[] => {
    const { set, enqueue, artifacts = [], removeArtifacts = [], events = [], key } = change;
    if (key) keys.set(key.key, { ...key, jobId: entry.record.id });
    Object.assign(entry.record, structuredClone(set));
    if (enqueue) entry.queuePosition = ++queueEnd;
    for (const artifact of artifacts) putArtifact(entry, artifact);
    for (const artifact of removeArtifacts) removeArtifact(entry, artifact);
    return appendEvents(entry, events);
  };

  const firstQueued = (among?: readonly string[]): Entry | undefined =>
    [...entries.values()]
      .filter(({ record }) => record.status === "queued" && !record.held && (!among || among.includes(record.id)))
      .sort(queueOrder)[0];

  const newLease = (entry: Entry, holder: string): JobRecord => {
    entry.record.lease = { holder, token: entry.record.lease.token + 1, beat: 0 };
    return toRecord(entry);
  };

  /** The running job whose lease has this token. */
  const leased = (jobId: string, token: number): Entry | null => {
    const entry = entries.get(jobId);
    return entry?.record.status === "running" && entry.record.lease.token === token ? entry : null;
  };

  return {
    exclusive,
    ...createMemoryFiles(),
    ...createMemoryCompletions(),
    ...createMemoryKeys(),

    async createJob(job, first, key) {
      const earlier = key && jobOfKey(key);
      if (earlier) return { job: toRecord(entries.get(earlier)!), events: [] };
      const taken = entries.values().some(({ record }) => record.id === job.id || record.modelName === job.modelName);
      if (taken) throw new MidrunError("internal", `There is already a job ${job.id} or a model ${job.modelName}.`);
      const entry = newEntry(structuredClone(job), ++queueEnd);
      entries.set(job.id, entry);
      const events = applyChange(entry, { from: [], events: [first], ...(key ? { key } : {}) });
      return { job: toRecord(entry), events };
    },

    async changeJob(jobId, change) {
      const entry = entries.get(jobId);
      if (!entry) return null;
      const { status } = entry.record;
      if (change.key && jobOfKey(change.key)) return { outcome: "replayed", status, events: [] };
      if (!change.from.includes(status)) return { outcome: "refused", status, events: [] };
      const isFenced = change.lease !== undefined && change.lease !== entry.record.lease.token;
      if (isFenced) return { outcome: "fenced", status, events: [] };
      const events = applyChange(entry, change);
      return { outcome: "applied", status: entry.record.status, events };
    },

    async deleteJob(jobId, from) {
      const status = entries.get(jobId)?.record.status ?? null;
      if (status === null || !from.includes(status)) return status;
      entries.delete(jobId);
      for (const { key } of [...keys.values()].filter((each) => each.jobId === jobId)) keys.delete(key);
      return status;
    },

    async getJob(jobId) {
      const entry = entries.get(jobId);
      return entry ? toRecord(entry) : null;
    },

    async findJobByModelName(modelName) {
      const entry = entries.values().find(({ record }) => record.modelName === modelName);
      return entry ? toRecord(entry) : null;
    },

    findKey: async (key) => jobOfKey(key),

    async listJobs({ after, limit, status, projectId }) {
      const newestFirst = [...entries.values()].reverse();
      const start = after === undefined ? 0 : newestFirst.findIndex(({ record }) => record.id === after) + 1;
      if (after !== undefined && start === 0) return { data: [], hasMore: false };
      const wanted = newestFirst
        .slice(start)
        .filter(({ record }) => (!status || status.includes(record.status)) && isOf(projectId, record));
      return { data: wanted.slice(0, limit).map(toRecord), hasMore: wanted.length > limit };
    },

    async countJobs() {
      const counts = noJobs();
      for (const { record } of entries.values()) counts[record.status]++;
      return counts;
    },

    async nextQueued() {
      const first = firstQueued();
      return first ? toRecord(first) : null;
    },

    async claimJob({ holder, startedAt, among }) {
      const first = firstQueued(among);
      if (!first) return null;
      first.record.status = "running";
      first.record.startedAt ??= startedAt;
      return newLease(first, holder);
    },

    async takeOver(jobId, token, holder) {
      const entry = leased(jobId, token);
      return entry && newLease(entry, holder);
    },

    async beat(jobId, token) {
      const entry = leased(jobId, token);
      if (!entry) return null;
      entry.record.lease.beat++;
      return { requested: entry.record.requested };
    },

    listEvents: async (jobId, { after, limit }) => {
      const from = Math.max(0, after);
      return structuredClone(entries.get(jobId)?.events.slice(from, from + limit) ?? []);
    },

    listEventsBefore: async (jobId, { before = Number.POSITIVE_INFINITY, limit }) => {
      const older = entries.get(jobId)?.events.filter(({ id }) => id < before) ?? [];
      return structuredClone(older.reverse().slice(0, limit));
    },

    async listCheckpoints(jobId, { after, limit }) {
      const checkpoints = entries.get(jobId)?.artifacts.filter(isCheckpoint) ?? [];
      return structuredClone(checkpoints.filter(({ step }) => step > after).slice(0, limit));
    },

    async listModels(projectId) {
      const bases = new Map<string, ModelRecord>();
      const all = [...entries.values()].filter(({ record }) => isOf(projectId, record));
      for (const { record } of all) {
        const { model: name, createdAt } = record;
        if (!bases.has(name)) bases.set(name, { name, createdAt, trained: false });
      }
      return [...bases.values(), ...all.flatMap(modelsOf)];
    },

    close: async () => {},
  };
}
