import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { listen } from "../server/serve.ts";
import { createTestApp } from "../testing.ts";
import { createClient } from "./client.ts";
import { announceServer, findServer } from "./running-server.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "midrun-running-"));
});
afterEach(() => rm(dataDir, { recursive: true }));

it("finds a server that is announced and answers, and nobody after that", async () => {
  const { app, close } = createTestApp();
  const server = await listen(app, { port: 0 });
  const withdraw = await announceServer(dataDir, { url: server.url, pid: process.pid });
  expect(await findServer(dataDir)).toEqual({ url: server.url, pid: process.pid });
  expect(await readdir(dataDir)).toEqual(["server.json"]);
  await server.close();
  expect(await findServer(dataDir)).toBeNull();
  await withdraw();
  expect(await readdir(dataDir)).toEqual([]);
  await close();
});

it("does not take another program on that port for the server", async () => {
  const other = await listen({ fetch: () => new Response("hello") }, { port: 0 });
  await announceServer(dataDir, { url: other.url, pid: process.pid });
  expect(await findServer(dataDir)).toBeNull();
  await other.close();
});

it.each(["", "{", "null", '{"url":1,"pid":2}', '{"url":"http://127.0.0.1:1","pid":999999999}'])(
  "takes %j for no announcement",
  async (text) => {
    await writeFile(join(dataDir, "server.json"), text);
    expect(await findServer(dataDir)).toBeNull();
  },
);

it("a program with that data directory uses the server instead of starting a second one", async () => {
  const { app, close } = createTestApp();
  const server = await listen(app, { port: 0 });
  await announceServer(dataDir, { url: server.url, pid: process.pid });
  const client = createClient({ dataDir });
  const job = await client.jobs.create({
    name: "run",
    model: "any",
    dataset: { type: "inline", rows: [{ text: "a" }] },
  });
  expect((await createClient({ baseURL: server.url }).jobs.retrieve(job.id)).id).toBe(job.id);
  await client.close();
  expect((await createClient({ baseURL: server.url }).jobs.retrieve(job.id)).id).toBe(job.id);
  await server.close();
  await close();
});
