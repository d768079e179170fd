/** Lines of the SDK's contract that no other test holds. */

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { ApiError, createClient, createMidrun, createTrainer, type JobEvent, type Midrun, readText } from "../index.ts";
import { createTestApp, type TestApp, type TestAppOptions } from "../testing.ts";
import { minimalInput } from "./fake-job-server.ts";
import { loadTrainer } from "./run-trainer.ts";

const apps: TestApp[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

function testApp(options: TestAppOptions = {}): TestApp {
  const app = createTestApp(options);
  apps.push(app);
  return app;
}

const question = { messages: [{ role: "user" as const, content: "hi" }], stream: false };

describe("infer", () => {
  it("asks anew each time: nothing is remembered", async () => {
    let answers = 0;
    const app = testApp({ fake: { reply: () => `answer ${++answers}` } });
    const client = createClient({ fetch: app.fetch });
    const { job } = await createTrainer(minimalInput, { client }).wait();
    const ask = async () => readText(await client.models.infer({ kind: "final", jobId: job.id }, question));
    expect([await ask(), await ask()]).toEqual(["answer 1", "answer 2"]);
  });

  it.each([429, 500, 503])("is never repeated after %i: the caller decides", async (status) => {
    let requests = 0;
    const fetch = () => {
      requests++;
      return Response.json({ error: { message: "busy", type: "x", param: "model", code: null } }, { status });
    };
    const asked = createClient({ fetch }).models.infer("m", question);
    await expect(asked).rejects.toBeInstanceOf(ApiError);
    await expect(asked).rejects.toMatchObject({ status, param: "model", body: { error: { message: "busy" } } });
    expect(requests).toBe(1);
  });
});

describe("events()", () => {
  it("is the job's history and its life, to anybody and as often as asked; leaving the loop leaves the job alone", async () => {
    const app = testApp({ fake: { manual: true } });
    const trainer = createTrainer(minimalInput, { client: createClient({ fetch: app.fetch }) });
    const first: JobEvent[] = [];
    const { jobId } = await trainer.start();
    await app.runner.advance(2, jobId);
    for await (const event of trainer.events()) {
      first.push(event);
      if (event.type === "checkpoint.saved") break;
    }
    await app.runner.advance(2, jobId);
    const whole: JobEvent[] = [];
    for await (const event of trainer.events()) whole.push(event);
    expect(whole.slice(0, first.length)).toEqual(first);
    expect(whole.at(-1)?.type).toBe("training.completed");
    expect(whole.map(({ id }) => id)).toEqual(whole.map((_, i) => i + 1));
  });

  it("ends with the abort signal's reason", async () => {
    const app = testApp({ fake: { manual: true } });
    const stop = new AbortController();
    const trainer = createTrainer(
      { ...minimalInput, abortSignal: stop.signal },
      { client: createClient({ fetch: app.fetch }) },
    );
    const reading = (async () => {
      for await (const _ of trainer.events()) stop.abort(new Error("enough"));
    })();
    await expect(reading).rejects.toThrow("enough");
  });
});

describe("attach()", () => {
  it("is how another program takes over: nothing told twice, pause and cancel reach the same job", async () => {
    const app = testApp({ fake: { manual: true } });
    const client = createClient({ fetch: app.fetch });
    const { jobId } = await createTrainer(minimalInput, { client }).start();
    await app.runner.advance(1, jobId);
    const { data } = await client.jobs.history(jobId);
    const told: number[] = [];
    const callbacks = { onLog: ({ step }: { step: number }) => void told.push(step) };
    const other = createTrainer({ ...minimalInput, callbacks }, { client }).attach(jobId, { after: data.at(-1)!.id });
    expect(await other.start()).toEqual({ jobId });
    const ended = other.wait();
    await app.runner.advance(1, jobId);
    await expect.poll(() => told).toEqual([2]);
    expect(await other.cancel()).toMatchObject({ id: jobId });
    await app.runner.advance(1, jobId).catch(() => undefined); // the cancelled run may be gone already
    expect((await ended).job.status).toBe("cancelled");
    expect((await client.jobs.list()).data).toHaveLength(1);
  });
});

describe("a project of several trainers", () => {
  it("has each under its name; runs the one that is asked for", async () => {
    const app = testApp();
    const client = createClient({ fetch: app.fetch });
    const trainers = ["a", "b"].map((name) => createTrainer({ ...minimalInput, name }, { client }));
    const project: Midrun = createMidrun({ trainers });
    expect(project.trainer).toBeNull();
    expect(Object.keys(project.trainers)).toEqual(["a", "b"]);
    const { job } = await project.trainers.b!.wait();
    expect(job.name).toBe("b");
    expect((await client.jobs.list()).data.map(({ name }) => name)).toEqual(["b"]);
  });

  it("is found in an entry that exports it as midrun, before a trainer and a default", async () => {
    const shared = globalThis as { projectUnderTest?: unknown };
    onTestFinished(() => void delete shared.projectUnderTest);
    const named = (name: string) => createTrainer({ ...minimalInput, name });
    shared.projectUnderTest = { midrun: createMidrun({ trainers: [named("a"), named("b")] }), trainer: named("c") };
    const entry = "export const { midrun, trainer } = globalThis.projectUnderTest;";
    const directory = await mkdtemp(join(tmpdir(), "midrun-project-"));
    onTestFinished(() => rm(directory, { recursive: true }));

    await writeFile(join(directory, "entry.mjs"), entry);
    expect((await loadTrainer(join(directory, "entry.mjs"), { trainer: "b" })).name).toBe("b");
    await expect(loadTrainer(join(directory, "entry.mjs"))).rejects.toMatchObject({
      message: expect.stringMatching(/a, b/),
    });
  });
});

describe("dryRun", () => {
  it("does every stage for real with at most 50 rows and 10 steps, and its adapter answers", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "midrun-dry-"));
    const client = createClient({ dataDir });
    onTestFinished(async () => {
      await client.close();
      await rm(dataDir, { recursive: true });
    });
    const rows = Array.from({ length: 80 }, (_, i) => ({
      messages: [
        { role: "user", content: `Say ${i}.` },
        { role: "assistant", content: `${i}` },
      ],
    }));
    const seen: Record<string, unknown>[] = [];
    const trainer = createTrainer(
      {
        name: "smoke",
        model: fileURLToPath(new URL("../../../../fixtures/qwen3-tied/model", import.meta.url)),
        dataset: { type: "inline", rows },
        lora: { r: 2, alpha: 2, maxLength: 64 },
        maxSteps: 500,
        batchSize: 1,
        dryRun: true,
        callbacks: { onStarted: ({ totalSteps, dataset }) => void seen.push({ totalSteps, rows: dataset.rows }) },
      },
      { client },
    );
    const { job, artifacts } = await trainer.wait();
    expect(seen).toEqual([{ totalSteps: 10, rows: 50 }]);
    expect(job).toMatchObject({ status: "completed", step: 10 });
    expect(artifacts.map(({ kind }) => kind)).toContain("checkpoint");
    const adapter = artifacts.find(({ kind }) => kind === "adapter")!;
    expect(await readdir(adapter.path)).toEqual(
      expect.arrayContaining(["adapter_config.json", "adapter_model.safetensors"]),
    );
    const answer = await client.models.infer(job.fineTunedModel!, { ...question, maxTokens: 2 });
    expect(await answer.json()).toMatchObject({ object: "chat.completion" });
  });
});
