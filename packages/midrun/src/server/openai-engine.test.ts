/** OpenAI's package against the server that people run: a port, a data directory, the engine and a model of a few thousand parameters. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import OpenAI, { toFile } from "openai";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type RunningServer, startServer } from "./local-server.ts";
import { chatRows, collect, toJsonl } from "./testing-openai.ts";

const base = fileURLToPath(new URL("../../../../fixtures/qwen3-tied/model", import.meta.url));

let dir: string;
let server: RunningServer;
let openai: OpenAI;
const faults: unknown[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "midrun-openai-"));
  const modelAliases = { "gpt-4o-mini": base };
  server = await startServer({ dataDir: dir, port: 0, modelAliases, onError: (error) => faults.push(error) });
  openai = new OpenAI({ apiKey: "none", adminAPIKey: "none", baseURL: `${server.url}/v1` });
});
afterEach(async () => {
  await server.close();
  await rm(dir, { recursive: true });
  expect(faults).toEqual([]);
});

async function uploadInParts(content: Buffer): Promise<string> {
  const half = Math.floor(content.length / 2);
  const upload = await openai.uploads.create({
    bytes: content.length,
    filename: "valid.jsonl",
    mime_type: "text/jsonl",
    purpose: "fine-tune",
  });
  const pieces = [content.subarray(0, half), content.subarray(half)];
  const parts = await Promise.all(
    pieces.map(async (piece) => openai.uploads.parts.create(upload.id, { data: await toFile(piece, "part") })),
  );
  const { file } = await openai.uploads.complete(upload.id, { part_ids: parts.map(({ id }) => id) });
  return file!.id;
}

const statusOf = async (id: string): Promise<string> => (await openai.fineTuning.jobs.retrieve(id)).status;
const patiently = { timeout: 150_000, interval: 100 };

it("a model is fine-tuned, asked while it learns, paused, resumed, asked again and deleted", {
  timeout: 300_000,
}, async () => {
  const file = await toFile(Buffer.from(toJsonl(chatRows(12))), "train.jsonl");
  const { id: training_file } = await openai.files.create({ file, purpose: "fine-tune" });
  const validation_file = await uploadInParts(Buffer.from(toJsonl(chatRows(2))));
  const { jobs } = openai.fineTuning;
  const { id } = await jobs.create({
    model: "gpt-4o-mini",
    training_file,
    validation_file,
    suffix: "numbers",
    method: { type: "supervised", supervised: { hyperparameters: { n_epochs: 12, batch_size: 2 } } },
  });

  const ask = (model: string) =>
    openai.chat.completions.create({ model, messages: [{ role: "user", content: "Say 3." }], max_tokens: 4 });

  const checkpoints = async () => (await jobs.checkpoints.list(id)).data;
  await expect.poll(async () => (await checkpoints()).length, patiently).toBeGreaterThan(0);
  const [early] = await checkpoints();
  expect((await ask(early!.fine_tuned_model_checkpoint)).usage?.completion_tokens).toBeGreaterThan(0);
  // The job has most of its steps still before it.
  expect(await statusOf(id)).toBe("running");

  expect((await jobs.pause(id)).status).toMatch(/^paus(ing|ed)$/);
  await expect.poll(() => statusOf(id), patiently).toBe("paused");
  expect((await jobs.resume(id)).status).toBe("queued");
  await expect.poll(() => statusOf(id), patiently).toBe("succeeded");

  const job = await jobs.retrieve(id);
  expect(job.hyperparameters).toEqual({ n_epochs: 12, batch_size: 2, learning_rate_multiplier: 2 });
  expect(job.trained_tokens).toBeGreaterThan(0);
  const csv = (await (await openai.files.content(job.result_files[0]!)).text()).trim().split("\n");
  expect(csv).toHaveLength(1 + 72);
  expect(csv.some((row) => /^\d+,[\d.]+,[\d.]+,[\d.]+,[\d.]+$/.test(row))).toBe(true);
  const losses = csv.slice(1).map((row) => Number(row.split(",")[1]));
  expect(losses.at(-1)!).toBeLessThan(losses[0]!);

  const messages = (await collect(jobs.listEvents(id, { limit: 50 }))).map(({ message }) => message);
  expect(messages.at(-1)).toBe(`Created fine-tuning job: ${id}`);
  expect(messages[0]).toBe("The job has successfully completed");
  expect(messages.filter((message) => message.startsWith("Step "))).toHaveLength(72);
  expect(messages.find((message) => message.includes("full validation loss="))).toBeDefined();

  // Every field that OpenAI documents, and no other.
  const [last] = await checkpoints();
  expect(last).toEqual({
    id: expect.stringMatching(/^ftckpt_\w+$/),
    object: "fine_tuning.job.checkpoint",
    created_at: expect.any(Number),
    fine_tuning_job_id: id,
    fine_tuned_model_checkpoint: expect.stringMatching(/:ckpt-step-72$/),
    step_number: 72,
    metrics: {
      ...{ step: 72, train_loss: expect.any(Number), train_mean_token_accuracy: expect.any(Number) },
      ...{ valid_loss: expect.any(Number), valid_mean_token_accuracy: expect.any(Number) },
      ...{ full_valid_loss: expect.any(Number), full_valid_mean_token_accuracy: expect.any(Number) },
    },
  });
  expect(Math.abs(last!.created_at - Date.now() / 1000)).toBeLessThan(300);

  const name = job.fine_tuned_model!;
  expect(name).toMatch(/:midrun:numbers:[0-9A-Za-z]{8}$/);
  expect((await ask(name)).choices[0]!.finish_reason).toMatch(/stop|length/);
  expect((await collect(openai.models.list())).map((model) => model.id)).toContain(name);
  await openai.models.delete(name);
  await expect(openai.models.retrieve(name)).rejects.toMatchObject({ status: 404 });
  expect(await readdir(join(dir, "jobs", id))).not.toContain("adapter");
});
