/** `midrun export` against the real server and engine: a golden model of a few thousand parameters, trained in seconds. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient, type MidrunClient } from "../../client/client.ts";
import type { Job, JobSpecInput } from "../../protocol/job.ts";
import { type App, createLocalServer } from "../../server/index.ts";
import { fakeIo } from "../fake-io.ts";
import { runCli } from "../program.ts";

const model = fileURLToPath(new URL("../../../../../fixtures/qwen3-tied/model", import.meta.url));
const rows = ["red", "blue", "small", "warm"].map((word) => ({
  messages: [
    { role: "user", content: `Say ${word}.` },
    { role: "assistant", content: `${word} it is` },
  ],
}));
const spec: JobSpecInput = {
  name: "run",
  model,
  dataset: { type: "inline", rows },
  lora: { r: 4, alpha: 8, maxLength: 64 },
  ...{ maxSteps: 6, saveSteps: 2, keepCheckpoints: 2, batchSize: 2, learningRate: 0.01, warmupSteps: 0 },
};

let dir: string;
let app: App;
let client: MidrunClient;
let adapterJob: Job;
let modelJob: Job;

async function finished(given: JobSpecInput): Promise<Job> {
  const { id } = await client.jobs.create(given);
  for await (const _ of client.jobs.events(id)); // the stream ends with the job
  return client.jobs.retrieve(id);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "midrun-export-"));
  app = createLocalServer({ dataDir: join(dir, "data") });
  client = createClient({ fetch: (request) => app.fetch(request) });
  adapterJob = await finished(spec);
  modelJob = await finished({ ...spec, lora: false, learningRate: 0.001 });
  expect([adapterJob.status, modelJob.status]).toEqual(["completed", "completed"]);
}, 120_000);

afterAll(async () => {
  await app.close();
  await rm(dir, { recursive: true, force: true });
});

async function run(...argv: string[]) {
  const io = fakeIo(client, { cwd: dir });
  return { code: await runCli(["export", ...argv], io), ...io.written };
}

const sha256 = async (path: string) =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
const leftovers = async () => (await readdir(dir)).filter((name) => name.startsWith("."));

describe("midrun export", () => {
  it("--format merged: a model directory, and how it compares", async () => {
    const { code, out, err } = await run(adapterJob.id, "--format", "merged", "--out", "merged", "--json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const told = JSON.parse(out) as { out: string; files: string[]; check: { error: number; effect: number } };
    expect(told.out).toBe(join(dir, "merged"));
    expect(told.files).toEqual(await readdir(told.out));
    expect(told.files).toEqual(expect.arrayContaining(["config.json", "model.safetensors", "tokenizer.json"]));
    expect(told.check.effect).toBeGreaterThan(100 * told.check.error);
    expect(await leftovers()).toEqual([]);
    // It stands by itself: a base model of its own.
    const { status } = await finished({ ...spec, model: told.out, maxSteps: 1 });
    expect(status).toBe("completed");
  }, 60_000);

  it("--format peft of a checkpoint: its adapter, byte for byte", async () => {
    const { code, out } = await run(`${adapterJob.id}@4`, "--format", "peft", "--out", "deep/peft-4");
    expect(code).toBe(0);
    expect(out).toBe(`${join(dir, "deep/peft-4")}\n  adapter_config.json\n  adapter_model.safetensors\n`);
    const checkpoint = adapterJob.artifacts.find(({ kind, step }) => kind === "checkpoint" && step === 4)!;
    for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
      expect(await sha256(join(dir, "deep/peft-4", file))).toBe(await sha256(join(checkpoint.path, file)));
    }
  });

  it("exports a model that was trained whole, without its optimizer", async () => {
    const { code, out } = await run(`${modelJob.id}@6`, "--format", "merged", "--out", "whole");
    expect(code).toBe(0);
    expect(out).toMatch(
      /Compared with the trained model on 3 prompts \(\d+ tokens\): logits off by .*; training moved/,
    );
    expect(await readdir(join(dir, "whole"))).not.toContain("optimizer.safetensors");
    const { code: refused, err } = await run(modelJob.id, "--format", "peft", "--out", "none");
    expect(refused).toBe(1);
    expect(err).toMatch(/trained the whole model.*\n.*--format merged/);
  }, 60_000);

  it.each([
    [["job_none", "--format", "peft", "--out", "x"], 1, /There is no job "job_none"/],
    [["nonsense", "--format", "peft", "--out", "x"], 1, /"nonsense" is no job.*\n.*job_…@100/],
    [["job_none", "--format", "gguf", "--out", "x"], 2, /peft, merged/],
    [["job_none", "--format", "peft"], 2, /--out/],
    [["job_none", "--out", "x"], 2, /--format/],
  ])("refuses %j", async (argv, code, reason) => {
    const found = await run(...argv);
    expect(found).toMatchObject({ code, out: "" });
    expect(found.err).toMatch(reason);
  });

  it("refuses a checkpoint that gave way to newer ones, and names those that there are", async () => {
    const { code, err } = await run(`${adapterJob.id}@2`, "--format", "peft", "--out", "x");
    expect(code).toBe(1);
    expect(err).toContain(`has no checkpoint of step 2.`);
    expect(err).toContain(`It has checkpoints: ${adapterJob.id}@4, ${adapterJob.id}@6.`);
  });

  it("leaves a directory that holds something alone", async () => {
    const target = await mkdtemp(join(dir, "full-"));
    await writeFile(join(target, "mine.txt"), "mine");
    const { code, err } = await run(adapterJob.id, "--format", "merged", "--out", target);
    expect(code).toBe(1);
    expect(err).toMatch(/holds files already \(mine.txt\)/);
    expect(await readdir(target)).toEqual(["mine.txt"]);
    expect(await leftovers()).toEqual([]);
  });

  it("finds bytes that were damaged since they were saved", async () => {
    const checkpoint = adapterJob.artifacts.find(({ kind, step }) => kind === "checkpoint" && step === 6)!;
    const path = join(checkpoint.path, "adapter_model.safetensors");
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    const { code, err } = await run(`${adapterJob.id}@6`, "--format", "peft", "--out", "damaged");
    expect(code).toBe(1);
    expect(err).toMatch(/checkpoints\/step-000006\/adapter_model.safetensors of job .* is damaged/);
    expect(await readdir(dir)).not.toContain("damaged");
    expect(await leftovers()).toEqual([]);
  });
});
