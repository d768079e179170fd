/** `/v1/models`: everything that may stand as `model`, in OpenAI's shape. */
import { rm } from "node:fs/promises";
import { Hono } from "hono";
import type { Model, ModelDeleted } from "openai/resources/models";
import { isTerminalStatus } from "../../protocol/job.ts";
import type { Env, Services } from "../context.ts";
import { toUnix } from "../file-object.ts";
import { resolveAlias } from "../model-aliases.ts";
import { parseModelName } from "../model-name.ts";
import { resolveModel } from "../resolve-model.ts";
import type { ModelRecord } from "../store.ts";
import { badRequest, WireError } from "../wire-error.ts";

const toBase = (id: string, created: number): Model => ({ id, object: "model", created, owned_by: "base" });

const toModel = ({ name, createdAt, trained }: ModelRecord): Model => ({
  ...toBase(name, toUnix(createdAt)),
  owned_by: trained ? "midrun" : "base",
});

const noModel = (name: string) =>
  new WireError("model_not_found", "model_not_found", `The model '${name}' does not exist.`, {
    param: "model",
    hint: "GET /v1/models lists those that there are.",
  });

export function modelRoutes(services: Services): Hono<Env> {
  const { store, scheduler, modelAliases, clock } = services;
  const startedAt = Math.floor(clock.now() / 1000);

  /** Known models, and the names that stand for models: whether or not a job uses them, they may be asked for. */
  async function listModels(): Promise<Model[]> {
    const known = (await store.listModels()).map(toModel);
    const createdOf = (name: string) => known.find(({ id }) => id === resolveAlias(modelAliases, name))?.created;
    const aliases = Object.keys(modelAliases)
      .filter((name) => !known.some(({ id }) => id === name))
      .map((name) => toBase(name, createdOf(name) ?? startedAt));
    return [...known, ...aliases];
  }

  async function getModel(name: string): Promise<Model> {
    const found = (await listModels()).find(({ id }) => id === name);
    if (found) return found;
    throw noModel(name);
  }

  /** Removes the weights from disk as well. Only of jobs that have ended: another one may need them to go on. */
  async function deleteModel(name: string): Promise<void> {
    const parsed = parseModelName(name);
    if (!parsed) throw badRequest(`'${name}' is not a fine-tuned model: only those can be deleted.`, "model");
    const job = await store.findJobByModelName(parsed.modelName);
    if (!job) throw noModel(name);
    await resolveModel(services, name);
    if (!isTerminalStatus(job.status)) {
      throw badRequest(`Job ${job.id} is ${job.status}: its checkpoints can be deleted once it has ended.`, "model");
    }
    const { step } = parsed;
    const removed = job.artifacts.filter((each) =>
      step === null ? each.kind !== "checkpoint" : each.kind === "checkpoint" && each.step === step,
    );
    await scheduler.release(job.id, { from: [job.status], removeArtifacts: removed });
    for (const { path } of removed) await rm(path, { recursive: true, force: true });
  }

  // Names may hold slashes: clients encode them, people do not.
  return new Hono<Env>()
    .get("/", async (c) => c.json({ object: "list", data: await listModels() }))
    .get("/:model{.+}", async (c) => c.json(await getModel(c.req.param("model"))))
    .delete("/:model{.+}", async (c) => {
      const id = c.req.param("model");
      await deleteModel(id);
      return c.json({ id, object: "model", deleted: true } satisfies ModelDeleted);
    });
}
