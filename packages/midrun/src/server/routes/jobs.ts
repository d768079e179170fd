/** `/v1/jobs`: create, read, command and follow jobs. */
import { type Context, Hono } from "hono";
import { MidrunError } from "../../errors.ts";
import { type Checkpoint, type Job, jobSpecSchema, jobStatuses } from "../../protocol/job.ts";
import type { Page } from "../../protocol/page.ts";
import { parseWith } from "../../protocol/parse.ts";
import type { Env, Services } from "../context.ts";
import { hideTokens } from "../hide-tokens.ts";
import { toJob } from "../job-view.ts";
import { toCheckpointName } from "../model-name.ts";
import { queryInteger, readIdempotencyKey, readJson } from "../request-body.ts";
import { checkReporting } from "../sinks/reporting.ts";
import type { JobRecord, Store, StoredArtifact } from "../store.ts";
import type { Command } from "../transitions.ts";
import { deleteJob } from "./delete-job.ts";
import { answerArtifact, listArtifacts } from "./job-artifacts.ts";
import { answerEvents } from "./job-events.ts";

async function getJob(store: Store, id: string): Promise<JobRecord> {
  const job = await store.getJob(id);
  if (job) return job;
  throw new MidrunError("job_not_found", `There is no job "${id}".`, { param: "id", hint: "GET /v1/jobs lists them." });
}

function readStatus(c: Context): Job["status"][] | undefined {
  const status = c.req.query("status");
  const known = jobStatuses.find((each) => each === status);
  if (status === undefined || known) return known && [known];
  throw new MidrunError("invalid_request", `status: got "${status}", expected ${jobStatuses.join(" | ")}.`, {
    param: "status",
  });
}

const toView = (job: JobRecord): Job => hideTokens(toJob(job));

async function listJobs(c: Context<Env>, store: Store): Promise<Response> {
  const limit = queryInteger(c, "limit", { min: 1, max: 100, fallback: 20 });
  const after = c.req.query("after");
  const status = readStatus(c);
  const page = await store.listJobs({ limit, ...(after ? { after } : {}), ...(status ? { status } : {}) });
  return c.json({ data: page.data.map(toView), hasMore: page.hasMore } satisfies Page<Job>);
}

function toCheckpoint(job: JobRecord, { createdAt, metrics, ...artifact }: StoredArtifact): Checkpoint {
  const { step } = artifact;
  return { jobId: job.id, step, model: toCheckpointName(job.modelName, step), createdAt, artifact, metrics };
}

async function listCheckpoints(c: Context<Env>, store: Store, job: JobRecord): Promise<Response> {
  const limit = queryInteger(c, "limit", { min: 1, max: 1000, fallback: 100 });
  const after = queryInteger(c, "after", { min: -1, max: Number.MAX_SAFE_INTEGER, fallback: -1 });
  const found = await store.listCheckpoints(job.id, { after, limit: limit + 1 });
  const data = found.slice(0, limit).map((artifact) => toCheckpoint(job, artifact));
  return c.json({ data, hasMore: found.length > limit } satisfies Page<Checkpoint>);
}

export function jobRoutes(services: Services): Hono<Env> {
  const { store, scheduler } = services;

  const command = (name: Command) => async (c: Context<Env, "/:id/:command">) =>
    c.json(toView(await scheduler.command(name, c.req.param("id"), await readIdempotencyKey(c))));

  return new Hono<Env>()
    .post("/", async (c) => {
      const spec = parseWith(jobSpecSchema, await readJson(c), "invalid_config");
      checkReporting(spec, services.reporting);
      return c.json(toView(await scheduler.submit(spec, await readIdempotencyKey(c))));
    })
    .get("/", (c) => listJobs(c, store))
    .get("/:id", async (c) => c.json(toView(await getJob(store, c.req.param("id")))))
    .post("/:id/cancel", command("cancel"))
    .post("/:id/pause", command("pause"))
    .post("/:id/resume", command("resume"))
    .post("/:id/stop", command("stop"))
    .delete("/:id", async (c) => c.json(await deleteJob(services, c.req.param("id"))))
    .get("/:id/events", async (c) => answerEvents(c, services, (await getJob(store, c.req.param("id"))).id))
    .get("/:id/checkpoints", async (c) => listCheckpoints(c, store, await getJob(store, c.req.param("id"))))
    .get("/:id/artifacts", async (c) => listArtifacts(c, services, await getJob(store, c.req.param("id"))))
    .get("/:id/artifacts/:name{.+}", async (c) =>
      answerArtifact(c, services, { job: await getJob(store, c.req.param("id")), name: c.req.param("name") }),
    );
}
