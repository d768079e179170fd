/** `/v1/fine_tuning/jobs`: OpenAI's door to the jobs. */
import { type Context, Hono } from "hono";
import type { FineTuningJobCheckpoint } from "openai/resources/fine-tuning/jobs/checkpoints";
import type { FineTuningJobEvent } from "openai/resources/fine-tuning/jobs/jobs";
import { createFineTuningJobSchema } from "../../protocol/openai.ts";
import type { Env, Services } from "../context.ts";
import { toUnix } from "../file-object.ts";
import { parseEventId, toWireEvents, toWireMetrics } from "../fine-tuning/event-objects.ts";
import { toWireJob, type WireJob } from "../fine-tuning/job-object.ts";
import { toCheckpointName } from "../model-name.ts";
import { hasMetadata, readMetadata } from "../openai-metadata.ts";
import { pageAfter, pageOfMatching, readLimit, type WirePage, withIds } from "../openai-page.ts";
import { readOpenAI } from "../openai-request.ts";
import { readIdempotencyKey } from "../request-body.ts";
import type { JobRecord, Store, StoredArtifact } from "../store.ts";
import type { Command } from "../transitions.ts";
import { WireError } from "../wire-error.ts";

/** A running job obeys a command after its current step; nobody waits longer for that. */
const patienceMs = 1000;

async function getJob(store: Store, id: string): Promise<JobRecord> {
  const job = await store.getJob(id);
  if (job) return job;
  const message = `Could not find fine tune: ${id}`;
  throw new WireError("job_not_found", "fine_tune_not_found", message, { param: "fine_tune_id" });
}

async function listJobs(c: Context<Env>, { store, clock }: Services): Promise<WirePage<WireJob>> {
  const wanted = readMetadata(c);
  const { data, hasMore } = await pageOfMatching(
    (options) => store.listJobs(options),
    ({ spec }) => hasMetadata(spec.metadata, wanted),
    { after: c.req.query("after"), limit: readLimit(c, { max: 100, fallback: 20 }) },
  );
  return { object: "list", data: data.map((job) => toWireJob(job, clock.now())), has_more: hasMore };
}

async function listEvents(c: Context<Env>, store: Store, job: JobRecord): Promise<WirePage<FineTuningJobEvent>> {
  const limit = readLimit(c, { max: 100, fallback: 20 });
  const after = c.req.query("after");
  const place = after ? parseEventId(job.id, after) : null;
  if (after && !place) return { object: "list", data: [], has_more: false };
  // The event of the last item, and one more than asked: each tells at least one item.
  const before = place ? { before: place.id + 1 } : {};
  const events = await store.listEventsBefore(job.id, { ...before, limit: limit + 2 });
  const items = events.flatMap((event) => {
    const told = toWireEvents(event, job);
    return (event.id === place?.id ? told.slice(0, place.index) : told).reverse();
  });
  return { object: "list", data: items.slice(0, limit), has_more: items.length > limit };
}

function toWireCheckpoint(job: JobRecord, { step, createdAt, metrics }: StoredArtifact): FineTuningJobCheckpoint {
  return {
    object: "fine_tuning.job.checkpoint",
    id: `ftckpt_${job.id.replace(/^.*[-_]/, "")}${step}`,
    created_at: toUnix(createdAt),
    fine_tuning_job_id: job.id,
    step_number: step,
    fine_tuned_model_checkpoint: toCheckpointName(job.modelName, step),
    metrics: metrics ? toWireMetrics(metrics) : { step },
  };
}

async function listCheckpoints(c: Context<Env>, store: Store, job: JobRecord) {
  const limit = readLimit(c, { max: 100, fallback: 10 });
  const all = await store.listCheckpoints(job.id, { after: -1, limit: Number.MAX_SAFE_INTEGER });
  const newestFirst = all.reverse().map((checkpoint) => toWireCheckpoint(job, checkpoint));
  return withIds(pageAfter(newestFirst, { after: c.req.query("after"), limit }));
}

/** Waits for the end of a job that was asked to end, but not for long. */
async function endedSoon({ log, clock }: Services, jobId: string): Promise<void> {
  const late = new AbortController();
  const stopWaiting = clock.after(patienceMs, () => late.abort());
  try {
    for await (const _ of log.follow(jobId, { signal: late.signal }));
  } catch (error) {
    if (!late.signal.aborted) throw error;
  } finally {
    stopWaiting();
  }
}

export function fineTuningJobRoutes(services: Services): Hono<Env> {
  const { store, scheduler, fineTuning, clock } = services;
  const show = (job: JobRecord) => toWireJob(job, clock.now());

  /** Clients send no body, an empty one or `{}`: it is not looked at. */
  const command = (name: Command) => async (c: Context<Env, "/:id/:command">) => {
    const { id } = await getJob(store, c.req.param("id"));
    const job = await scheduler.command(name, id, await readIdempotencyKey(c));
    if (job.requested !== "cancel") return c.json(show(job));
    await endedSoon(services, id);
    return c.json(show(await getJob(store, id)));
  };

  return new Hono<Env>()
    .post("/", async (c) => {
      const request = await readOpenAI(c, createFineTuningJobSchema);
      return c.json(show(await fineTuning.create(request, await readIdempotencyKey(c))));
    })
    .get("/", async (c) => c.json(await listJobs(c, services)))
    .get("/:id", async (c) => c.json(show(await getJob(store, c.req.param("id")))))
    .post("/:id/cancel", command("cancel"))
    .post("/:id/pause", command("pause"))
    .post("/:id/resume", command("resume"))
    .get("/:id/events", async (c) => c.json(await listEvents(c, store, await getJob(store, c.req.param("id")))))
    .get("/:id/checkpoints", async (c) =>
      c.json(await listCheckpoints(c, store, await getJob(store, c.req.param("id")))),
    );
}
