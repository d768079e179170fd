import { access, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createClient } from "../../client/client.ts";
import type { JobSpecInput } from "../../protocol/job.ts";
import { createTestApp } from "../../testing.ts";

async function setUp() {
  const dataDir = await mkdtemp(join(tmpdir(), "midrun-delete-"));
  const app = createTestApp({ dataDir, fake: { manual: true } });
  onTestFinished(async () => {
    await app.close();
    await rm(dataDir, { recursive: true });
  });
  const client = createClient({ fetch: app.fetch });
  const create = (more: Partial<JobSpecInput> = {}) =>
    client.jobs.create({ name: "run", model: "org/base", dataset: { type: "inline", rows: [{}] }, ...more });
  const finish = async (id: string) => {
    await expect.poll(() => app.runner.training).toContain(id);
    await app.runner.advance(4, id);
    for await (const _ of client.jobs.events(id)); // to its end
    return client.jobs.retrieve(id);
  };
  return { dataDir, app, client, create, finish };
}

it("deletes a job that is over, with its files and models", async () => {
  const { dataDir, client, create, finish } = await setUp();
  const { id } = await create();
  await finish(id);
  const directory = join(dataDir, "jobs", id);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "adapter"), "w");
  await client.jobs.delete(id);
  await expect(client.jobs.retrieve(id)).rejects.toMatchObject({ status: 404 });
  await expect(access(directory)).rejects.toMatchObject({ code: "ENOENT" });
  expect((await client.models.list()).map(({ id: name }) => name)).toEqual([]);
  await expect(client.jobs.delete(id)).rejects.toMatchObject({ status: 404, code: "job_not_found" });
});

it("refuses one that is not over, and says what to do", async () => {
  const { client, create } = await setUp();
  const { id } = await create();
  const message = expect.stringMatching(/only a job that is over can be deleted\. Cancel it first\./);
  await expect(client.jobs.delete(id)).rejects.toMatchObject({ status: 400, code: "invalid_state", message });
});

it("refuses while another job is to go on from its result", async () => {
  const { client, create, finish } = await setUp();
  const { id, fineTunedModel } = await finish((await create()).id);
  const heir = await create({ model: fineTunedModel! });
  await expect(client.jobs.delete(id)).rejects.toMatchObject({ message: expect.stringContaining(heir.id) });
  await finish(heir.id);
  await client.jobs.delete(id);
  expect((await client.jobs.list()).data.map((job) => job.id)).toEqual([heir.id]);
});
