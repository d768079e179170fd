/** Metrics to an MLflow tracking server, over its REST API. */
import type { JobEvent } from "../../protocol/event.ts";
import { flatten } from "./flat-config.ts";
import { createSend, type Send, type SinkFetch } from "./http-json.ts";
import { createNewSteps, type LogEvent, namedMetrics } from "./metric-names.ts";
import type { CreateSink, MetricsSink, SinkInput } from "./sink.ts";

export interface MlflowTarget {
  /** `http://localhost:5000` */
  trackingUri: string;
  /** Of a server behind bearer authentication. */
  token?: string;
  /** Of a server behind basic authentication. */
  username?: string;
  password?: string;
  fetch?: SinkFetch;
}

/** The API's own limits for one request. */
const metricsPerRequest = 1000;
const paramsPerRequest = 100;
const longestParam = 500;

const jobTag = "midrun.job_id";
const endings: Partial<Record<JobEvent["type"], string>> = {
  "training.completed": "FINISHED",
  "training.failed": "FAILED",
  "training.cancelled": "KILLED",
};

function authorizationOf({ token, username, password = "" }: MlflowTarget): string | null {
  if (token) return `Bearer ${token}`;
  return username ? `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` : null;
}

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

const millis = (timestamp: string) => Date.parse(timestamp);

function toMetrics(event: LogEvent) {
  return namedMetrics(event).map(([key, value]) => ({
    key,
    value,
    timestamp: millis(event.timestamp),
    step: event.step,
  }));
}

interface Run {
  send: Send;
  api: string;
  experiment: string;
  runName: string;
  jobId: string;
  createdAt: string;
}

const expectFound = ({ status, body }: Awaited<ReturnType<Send>>) => {
  if (status === 404) throw new Error(`404: ${JSON.stringify(body)}`);
  return body;
};

async function experimentId({ send, api, experiment }: Run, signal: AbortSignal): Promise<string> {
  const query = new URLSearchParams({ experiment_name: experiment });
  const found = await send("GET", `${api}/experiments/get-by-name?${query}`, signal);
  if (found.status !== 404) return (found.body.experiment as { experiment_id: string }).experiment_id;
  const made = expectFound(await send("POST", `${api}/experiments/create`, signal, { name: experiment }));
  return made.experiment_id as string;
}

interface RunInfo {
  info: { run_id: string };
}

/** The job's run: found by its tag, so that a server that comes back goes on with it. */
async function runId(run: Run, signal: AbortSignal): Promise<string> {
  const { send, api, runName, jobId, createdAt } = run;
  const experiment_id = await experimentId(run, signal);
  const search = { experiment_ids: [experiment_id], filter: `tags.\`${jobTag}\` = '${jobId}'`, max_results: 1 };
  const found = expectFound(await send("POST", `${api}/runs/search`, signal, search));
  const [existing] = (found.runs as RunInfo[] | undefined) ?? [];
  if (existing) return existing.info.run_id;
  const tags = [{ key: jobTag, value: jobId }];
  const wanted = { experiment_id, run_name: runName, start_time: millis(createdAt), tags };
  const made = expectFound(await send("POST", `${api}/runs/create`, signal, wanted));
  return (made.run as RunInfo).info.run_id;
}

function toParams(events: readonly JobEvent[]) {
  const started = events.find((event) => event.type === "training.started");
  return flatten(started?.config ?? {}).map(([key, value]) => ({ key, value: String(value).slice(0, longestParam) }));
}

async function writeTo(run: Run, id: string, events: readonly JobEvent[], fresh: LogEvent[], signal: AbortSignal) {
  const log = async (content: object) =>
    void expectFound(await run.send("POST", `${run.api}/runs/log-batch`, signal, { run_id: id, ...content }));
  for (const params of chunks(toParams(events), paramsPerRequest)) await log({ params });
  for (const metrics of chunks(fresh.flatMap(toMetrics), metricsPerRequest)) await log({ metrics });
  const last = events.at(-1)!;
  const status = endings[last.type];
  if (!status) return;
  const update = { run_id: id, status, end_time: millis(last.timestamp) };
  expectFound(await run.send("POST", `${run.api}/runs/update`, signal, update));
}

function createSink(
  target: MlflowTarget,
  { job }: SinkInput,
  wanted: { experiment: string; runName?: string },
): MetricsSink {
  const { trackingUri, token, password, fetch = globalThis.fetch } = target;
  const run: Run = {
    send: createSend({ fetch, authorization: authorizationOf(target), secrets: [token ?? "", password ?? ""] }),
    api: `${trackingUri.replace(/\/+$/, "")}/api/2.0/mlflow`,
    experiment: wanted.experiment,
    runName: wanted.runName ?? job.name,
    jobId: job.id,
    createdAt: job.createdAt,
  };
  const newSteps = createNewSteps();
  let id: string | undefined;
  return {
    name: "MLflow",
    gatherMs: 2000,
    async write(events, signal) {
      id ??= await runId(run, signal);
      const fresh = newSteps(events);
      await writeTo(run, id, events, fresh, signal);
      newSteps.told(fresh);
    },
  };
}

/** For jobs whose `reportTo.mlflow` asks for it. A step that is told twice (a server that was restarted) is the same point to MLflow. */
export const mlflowSink =
  (target: MlflowTarget): CreateSink =>
  (input) => {
    const wanted = input.job.spec.reportTo?.mlflow;
    return wanted ? createSink(target, input, wanted) : null;
  };
