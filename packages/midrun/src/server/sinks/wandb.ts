/** Metrics to Weights & Biases: the run over GraphQL, its history as lines of a file stream. */
import type { JobEvent } from "../../protocol/event.ts";
import { createSend, type Send, type SinkFetch } from "./http-json.ts";
import { createNewSteps, type LogEvent, namedMetrics } from "./metric-names.ts";
import type { CreateSink, MetricsSink, SinkInput } from "./sink.ts";

export interface WandbTarget {
  apiKey: string;
  /** Default `https://api.wandb.ai`. */
  baseURL?: string;
  fetch?: SinkFetch;
}

type Wanted = NonNullable<NonNullable<SinkInput["job"]["spec"]["reportTo"]>["wandb"]>;

const upsert = `mutation UpsertBucket($name: String!, $project: String!, $entity: String, $displayName: String, $config: JSONString, $tags: [String!]) {
  upsertBucket(input: {name: $name, modelName: $project, entityName: $entity, displayName: $displayName, config: $config, tags: $tags}) {
    bucket { name project { name entity { name } } }
  }
}`;
const resume = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { historyLineCount } }
}`;

const exitCodes: Partial<Record<JobEvent["type"], number>> = {
  "training.completed": 0,
  "training.failed": 1,
  "training.cancelled": 255,
};

interface Api {
  send: Send;
  baseURL: string;
}

/** Where a run's lines go, and how many it had when this server began. */
interface Place {
  stream: string;
  lines: number;
}

async function query(api: Api, text: string, variables: object, signal: AbortSignal): Promise<Record<string, unknown>> {
  const { body } = await api.send("POST", `${api.baseURL}/graphql`, signal, { query: text, variables });
  const [error] = (body.errors as { message: string }[] | undefined) ?? [];
  if (error || !body.data) throw new Error(error?.message ?? "its answer has no data");
  return body.data as Record<string, unknown>;
}

interface Bucket {
  name: string;
  project: { name: string; entity: { name: string } };
}

/** Makes the run, or finds the one of an earlier server start: its name is the job's id. */
async function openRun(api: Api, { job }: SinkInput, wanted: Wanted, signal: AbortSignal): Promise<Place> {
  const { project, entity, name: displayName = job.name, tags } = wanted;
  const variables = { name: job.id, project, entity: entity ?? null, displayName, tags: tags ?? null };
  const made = (await query(api, upsert, variables, signal)).upsertBucket as { bucket: Bucket };
  const { name } = made.bucket;
  const owner = made.bucket.project.entity.name;
  const found = (await query(api, resume, { project, entity: owner, name }, signal)).model as {
    bucket: { historyLineCount: number } | null;
  } | null;
  const path = [owner, made.bucket.project.name, name].map(encodeURIComponent).join("/");
  return { stream: `${api.baseURL}/files/${path}/file_stream`, lines: found?.bucket?.historyLineCount ?? 0 };
}

function toLine(event: LogEvent, startedAt: string): string {
  const seconds = Date.parse(event.timestamp) / 1000;
  const own = { _step: event.step, _timestamp: seconds, _runtime: seconds - Date.parse(startedAt) / 1000 };
  return JSON.stringify({ ...Object.fromEntries(namedMetrics(event)), ...own });
}

/** `{ lr: { value: 0.1 } }`, as the service keeps configurations. */
const toConfig = (config: Record<string, unknown>) =>
  JSON.stringify(Object.fromEntries(Object.entries(config).map(([name, value]) => [name, { value }])));

function createSink(target: WandbTarget, input: SinkInput, wanted: Wanted): MetricsSink {
  const { apiKey, baseURL = "https://api.wandb.ai", fetch = globalThis.fetch } = target;
  const authorization = `Basic ${Buffer.from(`api:${apiKey}`).toString("base64")}`;
  const api: Api = {
    send: createSend({ fetch, authorization, secrets: [apiKey] }),
    baseURL: baseURL.replace(/\/+$/, ""),
  };
  const { job } = input;
  const newSteps = createNewSteps();
  let place: Place | undefined;
  /** Lines of the history that were made here, whether the service had them or not. */
  let offset = 0;

  async function tellConfig(events: readonly JobEvent[], signal: AbortSignal): Promise<void> {
    const config = events.find((event) => event.type === "training.started")?.config;
    if (!config) return;
    const { project, entity } = wanted;
    await query(api, upsert, { name: job.id, project, entity: entity ?? null, config: toConfig(config) }, signal);
  }

  async function stream(content: object, signal: AbortSignal): Promise<void> {
    const { status } = await api.send("POST", place!.stream, signal, content);
    if (status === 404) throw new Error("404: the run is gone");
  }

  return {
    name: "Weights & Biases",
    gatherMs: 2000,
    async write(events, signal) {
      place ??= await openRun(api, input, wanted, signal);
      await tellConfig(events, signal);
      const fresh = newSteps(events);
      // The same history gives the same lines: those that the service has are not sent again.
      const known = Math.max(0, place.lines - offset);
      const lines = fresh.slice(known).map((event) => toLine(event, job.createdAt));
      if (lines.length > 0) {
        const history = { offset: offset + known, content: lines };
        const summary = { offset: 0, content: [lines.at(-1)!] };
        await stream({ files: { "wandb-history.jsonl": history, "wandb-summary.json": summary } }, signal);
      }
      offset += fresh.length;
      newSteps.told(fresh);
      const exitcode = exitCodes[events.at(-1)!.type];
      if (exitcode !== undefined) await stream({ complete: true, exitcode }, signal);
    },
  };
}

/** For jobs whose `reportTo.wandb` asks for it. */
export const wandbSink =
  (target: WandbTarget): CreateSink =>
  (input) => {
    const wanted = input.job.spec.reportTo?.wandb;
    return wanted ? createSink(target, input, wanted) : null;
  };
