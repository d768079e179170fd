import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobEvent } from "../../protocol/event.ts";
import type { Job } from "../../protocol/job.ts";
import { createTestApp, type TestApp, type TestAppOptions } from "../../testing.ts";
import { createMemoryStore } from "../stores/memory.ts";
import { maskedCrc32c } from "./crc32c.ts";
import { fileSinks } from "./file-sinks.ts";
import type { CreateSink } from "./sink.ts";

let dataDir: string;
const apps: TestApp[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "midrun-sinks-"));
});
afterEach(async () => {
  for (const { close } of apps.splice(0)) await close();
  await rm(dataDir, { recursive: true, force: true });
});

function setUp(options: TestAppOptions = {}) {
  const test = createTestApp({ dataDir, ...options });
  apps.push(test);
  const body = JSON.stringify({ name: "run", model: "base", dataset: { type: "inline", rows: [{}] } });
  const create = async () => ((await (await test.fetch("/v1/jobs", { method: "POST", body })).json()) as Job).id;
  const ended = async (id: string) =>
    void (await (await test.fetch(`/v1/jobs/${id}/events`, { headers: { accept: "text/event-stream" } })).text());
  const warnings = async (id: string) =>
    (await test.store.listEvents(id, { after: 0, limit: 1000 })).flatMap((event) =>
      event.type === "training.warning" ? [event.message] : [],
    );
  return { ...test, create, ended, warnings };
}

const linesOf = async (id: string) =>
  (await readFile(join(dataDir, "jobs", id, "metrics.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: number; loss: number; timestamp: string });

/** The data of each record, its checksums checked. */
async function recordsOf(id: string): Promise<Buffer[]> {
  const dir = join(dataDir, "jobs", id, "tensorboard");
  const [name] = await readdir(dir);
  let bytes = await readFile(join(dir, name!));
  const records: Buffer[] = [];
  while (bytes.length > 0) {
    const length = Number(bytes.readBigUInt64LE());
    expect(bytes.readUInt32LE(8)).toBe(maskedCrc32c(bytes.subarray(0, 8)));
    const data = bytes.subarray(12, 12 + length);
    expect(bytes.readUInt32LE(12 + length)).toBe(maskedCrc32c(data));
    records.push(data);
    bytes = bytes.subarray(16 + length);
  }
  return records;
}

describe("the files of a run", () => {
  it("hold every logged step once, and what the run was made with", async () => {
    const { create, ended, close, fetch } = setUp({ sinks: fileSinks, fake: { steps: 3 } });
    const id = await create();
    await ended(id);
    const job = (await (await fetch(`/v1/jobs/${id}`)).json()) as Job;
    await close();
    expect((await linesOf(id)).map(({ step, loss }) => [step, loss])).toEqual([
      [1, 4],
      [2, 2],
      [3, 4 / 3],
    ]);
    expect((await linesOf(id))[2]).toEqual({ ...job.metrics, timestamp: expect.stringMatching(/Z$/) });
    const records = await recordsOf(id);
    expect(records).toHaveLength(4);
    expect(records[0]!.toString("latin1")).toContain("brain.Event:2");
    expect(records[1]!.toString("latin1")).toContain("train/loss");
    expect(JSON.parse(await readFile(join(dataDir, "jobs", id, "dataset.json"), "utf8"))).toHaveProperty("sha256");
  });

  it("are whole again after a restart, without the steps that were done twice", async () => {
    const shared = { store: createMemoryStore(), disk: new Map<string, number>() };
    const kept = { ...shared.store, close: async () => {} };
    const first = setUp({
      sinks: fileSinks,
      store: kept,
      fake: { manual: true, steps: 5, saveSteps: 2, disk: shared.disk },
    });
    const id = await first.create();
    await first.runner.advance(3);
    await first.close();
    expect((await linesOf(id)).map(({ step }) => step)).toEqual([1, 2, 3]);
    await rm(join(dataDir, "jobs", id), { recursive: true });

    const second = setUp({ sinks: fileSinks, store: kept, fake: { steps: 5, saveSteps: 2, disk: shared.disk } });
    await second.app.ready;
    await second.ended(id);
    await second.close();
    expect((await linesOf(id)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect(await recordsOf(id)).toHaveLength(6);
  });

  it("are not written when nobody asks for them", async () => {
    const { create, ended, close } = setUp();
    await ended(await create());
    await close();
    expect(await readdir(dataDir)).toEqual([]);
  });
});

/** A sink that fails as long as it is `down`. */
function flaky(down: { now: boolean }) {
  const told: JobEvent[] = [];
  const tries = { count: 0 };
  const create: CreateSink = () => ({
    name: "The board",
    gatherMs: 0,
    async write(events) {
      tries.count++;
      if (down.now) throw new Error("connect ECONNREFUSED");
      told.push(...events);
    },
  });
  return { create, told, tries };
}

describe("a sink that is down", () => {
  it("fails and slows nothing, and is told everything when it is back", async () => {
    const down = { now: true };
    const { create: sink, told, tries } = flaky(down);
    const { create, ended, clock, runner, warnings, store, errors } = setUp({
      sinks: [sink],
      fake: { manual: true, steps: 4 },
    });
    const id = await create();
    await runner.advance(2);
    await expect.poll(() => tries.count).toBe(1);
    await expect.poll(() => warnings(id)).toHaveLength(1);
    expect((await warnings(id))[0]).toBe(
      "The board was not reached (connect ECONNREFUSED). Training goes on; it is tried again.",
    );
    down.now = false;
    clock.advance(1000);
    await expect.poll(() => warnings(id)).toHaveLength(2);
    await runner.advance(2);
    await ended(id);
    const all = await store.listEvents(id, { after: 0, limit: 100 });
    await expect.poll(() => told.map((event) => event.id)).toEqual(all.map((event) => event.id));
    expect((await warnings(id))[1]).toBe("The board is reached again, and was told everything.");
    expect(errors).toEqual([]);
  });

  it("is given up some time after the job's end, and the gap is told", async () => {
    const { create: sink, tries } = flaky({ now: true });
    const { create, ended, clock, errors, store } = setUp({ sinks: [sink] });
    const id = await create();
    await ended(id);
    const told = () => {
      clock.advance(60_000);
      return errors.length;
    };
    await expect.poll(told, { timeout: 30_000 }).toBeGreaterThan(0);
    await expect.poll(() => errors.map((error) => (error as Error).message).at(-1)).toMatch(/nothing after/);
    expect(tries.count).toBeGreaterThan(6);
    const messages = errors.map((error) => (error as Error).message);
    expect(messages.at(-1)).toMatch(new RegExp(`Job ${id}: The board was told nothing after event \\d+; GET /v1/jobs`));
    expect((await store.getJob(id))!.status).toBe("completed");
  });

  it("holds the end of the server up no longer than its grace", async () => {
    let aborted = false;
    const hanging: CreateSink = () => ({
      name: "The board",
      gatherMs: 0,
      write: (_, signal) =>
        new Promise((__, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(new Error("left"));
          });
        }),
    });
    const { create, ended, app, clock, errors } = setUp({ sinks: [hanging] });
    await ended(await create());
    const closed = app.close({ graceMs: 0 });
    const passed = () => {
      clock.advance(5000);
      return aborted;
    };
    await expect.poll(passed, { timeout: 30_000 }).toBe(true);
    await closed;
    expect(aborted).toBe(true);
    expect(errors.length).toBeGreaterThan(0);
  });
});
