/** The demo's fine-tune through OpenAI's API: the same job, the same model, asked while it learns. */
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { InferArgs, Job } from "midrun";
import { type RunningServer, startServer } from "midrun/server";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkHeldOut } from "../examples/triage/held-out.ts";
import { trainer } from "../examples/triage/src/midrun/index.ts";

const trainPath = fileURLToPath(new URL("../examples/triage/data/train.jsonl", import.meta.url));
/** Tickets that each checkpoint is asked while the job runs. */
const askedWhileRunning = 4;

let dir: string;
let server: RunningServer;
let openai: OpenAI;
const faults: unknown[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "midrun-e2e-"));
  server = await startServer({ dataDir: dir, port: 0, onError: (error) => faults.push(error) });
  openai = new OpenAI({ apiKey: "not-used", baseURL: `${server.url}/v1` });
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true });
  expect(faults).toEqual([]);
});

const accuracyOf = async (model: string, count?: number): Promise<number> => {
  const ask = ({ messages, temperature, maxTokens }: InferArgs) =>
    openai.chat.completions
      .create({
        model,
        messages: messages as OpenAI.ChatCompletionMessageParam[],
        temperature: temperature ?? null,
        max_tokens: maxTokens ?? null,
      })
      .asResponse();
  return (await checkHeldOut(ask, count)).accuracy;
};

async function createJob(): Promise<string> {
  const file = await openai.files.create({ file: createReadStream(trainPath), purpose: "fine-tune" });
  const { numTrainEpochs, batchSize, seed, lora, packing, lrSchedulerType } = trainer.spec;
  const { warmupSteps, saveSteps, evalSteps, datasetSplit } = trainer.spec;
  const hyperparameters = { n_epochs: numTrainEpochs!, batch_size: batchSize!, learning_rate_multiplier: 70 };
  const job = await openai.fineTuning.jobs.create({
    model: trainer.spec.model,
    training_file: file.id,
    suffix: trainer.name,
    seed: seed!,
    method: { type: "supervised", supervised: { hyperparameters } },
    // The package's types do not know it.
    ...{ midrun: { lora, packing, lrSchedulerType, warmupSteps, saveSteps, evalSteps, datasetSplit } },
  });
  expect(job.status).toBe("queued");
  return job.id;
}

/** The demo's own job on the same machine, whose numbers are no other's: what it is called when it is done. */
async function trainDemo(): Promise<string> {
  const created = await fetch(`${server.url}/v1/jobs`, { method: "POST", body: JSON.stringify(trainer.spec) });
  const { id } = (await created.json()) as Job;
  const read = async () => (await (await fetch(`${server.url}/v1/jobs/${id}`)).json()) as Job;
  await expect.poll(async () => (await read()).status, { timeout: 600_000, interval: 500 }).toMatch(/completed|failed/);
  const { fineTunedModel, error } = await read();
  expect(error).toBeNull();
  return fineTunedModel!;
}

it("the triage fine-tune is the demo's, answers from every checkpoint as it comes, and ends as accurate", async () => {
  const { jobs } = openai.fineTuning;
  const id = await createJob();

  const { spec } = (await (await fetch(`${server.url}/v1/jobs/${id}`)).json()) as Job;
  const { dataset: _, ...settings } = spec;
  const { dataset: __, ...demo } = trainer.spec;
  expect({ ...settings, datasetSplit: { ...settings.datasetSplit, seed: undefined } }).toEqual({
    ...demo,
    method: "sft",
    datasetSplit: { ...demo.datasetSplit, seed: undefined },
  });

  const answered: number[] = [];
  const statusOf = async (): Promise<string> => (await jobs.retrieve(id)).status;
  const askNewest = async () => {
    const [newest] = (await jobs.checkpoints.list(id, { limit: 1 })).data;
    if (!newest || answered.at(-1) === newest.step_number) return statusOf();
    await accuracyOf(newest.fine_tuned_model_checkpoint, askedWhileRunning);
    const status = await statusOf();
    if (status === "running") answered.push(newest.step_number);
    return status;
  };
  await expect.poll(askNewest, { timeout: 1_100_000, interval: 200 }).toMatch(/succeeded|failed|cancelled/);

  const job = await jobs.retrieve(id);
  expect(job).toMatchObject({ status: "succeeded", error: null });
  const steps = (await jobs.checkpoints.list(id)).data.map(({ step_number }) => step_number).reverse();
  expect(steps).toHaveLength(4);
  // The last one is the end of the job.
  expect(answered).toEqual(steps.slice(0, -1));
  const accuracy = await accuracyOf(job.fine_tuned_model!);
  expect(accuracy).toBe(await accuracyOf(await trainDemo()));
  expect(accuracy).toBeGreaterThan(0.6);
});
