import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chatRows, collect, createOpenAITest, type OpenAITest } from "../testing-openai.ts";

let t: OpenAITest;
beforeEach(() => {
  t = createOpenAITest({ modelAliases: { "gpt-4o-mini": "org/base" }, fake: { manual: true } });
});
afterEach(async () => {
  await t.close();
  expect(t.errors).toEqual([]);
});

async function trained(suffix: string) {
  const training_file = await t.upload(chatRows());
  const { id } = await t.openai.fineTuning.jobs.create({ model: "org/base", training_file, suffix });
  await t.runner.advance(4);
  await t.finish(id);
  return (await t.openai.fineTuning.jobs.retrieve(id)).fine_tuned_model!;
}

const ids = async () => (await collect(t.openai.models.list())).map(({ id }) => id);

describe("models", () => {
  it("are found by their names, slashes and colons included, and by aliases", async () => {
    const name = await trained("bot");
    for (const id of [name, `${name}:ckpt-step-2`, "org/base", "gpt-4o-mini"]) {
      expect(await t.openai.models.retrieve(id)).toMatchObject({ id, object: "model", created: expect.any(Number) });
    }
    expect((await t.send("GET", `/v1/models/${name}`)).body).toMatchObject({ id: name, owned_by: "midrun" });
    await expect(t.openai.models.retrieve("org/none")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  });

  it("are listed by their aliases before any job uses them", async () => {
    const alias = { id: "gpt-4o-mini", object: "model", created: 1767225600, owned_by: "base" };
    expect((await t.openai.models.list()).data).toEqual([alias]);
    expect(await t.openai.models.retrieve("gpt-4o-mini")).toEqual(alias);
  });

  it("go by their aliases in jobs of the native route as well", async () => {
    const spec = { name: "n", model: "gpt-4o-mini", dataset: { type: "inline", rows: [{ text: "a" }] } };
    const { body } = await t.send("POST", "/v1/jobs", spec);
    expect(body).toMatchObject({ model: "org/base", spec: { model: "gpt-4o-mini" } });
    const { id } = body as { id: string };
    await t.runner.advance(4);
    await t.finish(id);
    expect((await t.store.getJob(id))?.modelName).toMatch(/^ft:org\/base:midrun:n:/);
  });

  it("answer under an alias", async () => {
    const messages = [{ role: "user" as const, content: "hi" }];
    const answer = await t.openai.chat.completions.create({ model: "gpt-4o-mini", messages });
    expect(answer).toMatchObject({ model: "gpt-4o-mini", choices: [{ message: { content: "org/base: hi" } }] });
  });

  it("are deleted one by one, only fine-tuned ones, and then answer no more", async () => {
    const name = await trained("bot");
    expect(await t.openai.models.delete(`${name}:ckpt-step-2`)).toEqual({
      ...{ id: `${name}:ckpt-step-2`, object: "model", deleted: true },
    });
    expect(await ids()).toEqual(["org/base", name, `${name}:ckpt-step-4`, "gpt-4o-mini"]);
    await t.openai.models.delete(name);
    expect(await ids()).toEqual(["org/base", `${name}:ckpt-step-4`, "gpt-4o-mini"]);
    await expect(t.openai.models.delete(name)).rejects.toMatchObject({ status: 404 });
    const messages = [{ role: "user" as const, content: "hi" }];
    await expect(t.openai.chat.completions.create({ model: name, messages })).rejects.toMatchObject({ status: 404 });
    await expect(t.openai.models.delete("org/base")).rejects.toMatchObject({ status: 400, param: "model" });
    await expect(t.openai.models.delete("ft:org/base:midrun:x:00000000")).rejects.toMatchObject({ status: 404 });
  });

  it("are not deleted while their job may need them", async () => {
    const training_file = await t.upload(chatRows());
    const { id } = await t.openai.fineTuning.jobs.create({ model: "org/base", training_file });
    await t.runner.advance(2);
    const [checkpoint] = (await t.openai.fineTuning.jobs.checkpoints.list(id)).data;
    await expect(t.openai.models.delete(checkpoint!.fine_tuned_model_checkpoint)).rejects.toThrow(
      /is running: its checkpoints/,
    );
  });
});

describe("checkpoint permissions", () => {
  it("are given, listed either way round in pages, and taken back", async () => {
    const checkpoint = `${await trained("bot")}:ckpt-step-2`;
    const { permissions } = t.openai.fineTuning.checkpoints;
    const made = await collect(permissions.create(checkpoint, { project_ids: ["p1", "p2", "p3"] }));
    expect(made[0]).toEqual({
      ...{
        id: expect.stringMatching(/^cp_/),
        object: "checkpoint.permission",
        created_at: 1767225600,
        project_id: "p1",
      },
    });
    const projects = async (query: object) =>
      (await collect(permissions.list(checkpoint, query))).map(({ project_id }) => project_id).join();
    expect(await projects({ limit: 2 })).toBe("p3,p2,p1");
    expect(await projects({ order: "ascending", limit: 1 })).toBe("p1,p2,p3");
    expect(await projects({ project_id: "p2" })).toBe("p2");
    const id = made[1]!.id;
    expect(await permissions.delete(id, { fine_tuned_model_checkpoint: checkpoint })).toEqual({
      ...{ id, object: "checkpoint.permission", deleted: true },
    });
    expect(await projects({})).toBe("p3,p1");
    await expect(permissions.delete(id, { fine_tuned_model_checkpoint: checkpoint })).rejects.toMatchObject({
      status: 404,
    });
  });

  it("need a checkpoint, and nothing but project ids", async () => {
    const { permissions } = t.openai.fineTuning.checkpoints;
    for (const name of ["org/base", "ft:org/base:midrun:x:00000000:ckpt-step-2"]) {
      await expect(permissions.list(name)).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    }
    const checkpoint = encodeURIComponent(`${await trained("bot")}:ckpt-step-2`);
    const path = `/v1/fine_tuning/checkpoints/${checkpoint}/permissions`;
    expect((await t.send("POST", path, { project_ids: ["a"], role: "x" })).body).toMatchObject({
      error: { param: "role", code: "unknown_parameter", message: "Unknown parameter: 'role'." },
    });
    expect((await t.send("POST", path, { project_ids: [] })).body).toMatchObject({ error: { code: "empty_array" } });
  });
});
