import { afterEach, describe, expect, it } from "vitest";
import type { JobEvent } from "../protocol/event.ts";
import type { Checkpoint, Job, JobSpecInput } from "../protocol/job.ts";
import type { Page } from "../protocol/page.ts";
import { createTestApp, type TestApp } from "../testing.ts";
import type { TimedEvent } from "./run.ts";
import { recordChange } from "./transitions.ts";

let test: TestApp | undefined;
afterEach(async () => {
  await test?.close();
  expect(test?.errors ?? []).toEqual([]);
  test = undefined;
});

/** A job of ten steps that saved every second one and kept the newest two. */
async function finishedJob() {
  test = createTestApp({ fake: { steps: 10, saveSteps: 2 } });
  const spec: JobSpecInput = {
    name: "run",
    model: "base",
    dataset: { type: "inline", rows: [{}] },
    keepCheckpoints: 2,
  };
  const body = JSON.stringify(spec);
  const { id } = (await (await test.fetch("/v1/jobs", { method: "POST", body })).json()) as Job;
  await (await test.fetch(`/v1/jobs/${id}/events`, { headers: { accept: "text/event-stream" } })).text();
  const get = async <T>(path: string) => (await (await test!.fetch(path)).json()) as T;
  return { ...test, id, get };
}

const stepsOf = (checkpoints: { step: number }[]) => checkpoints.map(({ step }) => step);

describe("checkpoints that gave way to newer ones", () => {
  it("are in no list: the job's, its checkpoints', the models', OpenAI's", async () => {
    const { id, get } = await finishedJob();
    expect(stepsOf((await get<Page<Checkpoint>>(`/v1/jobs/${id}/checkpoints`)).data)).toEqual([8, 10]);
    const job = await get<Job>(`/v1/jobs/${id}`);
    expect(stepsOf(job.artifacts)).toEqual([8, 10, 10]);
    const { data: models } = await get<{ data: { id: string }[] }>("/v1/models");
    expect(models.map((model) => model.id)).toEqual([
      "base",
      job.fineTunedModel,
      `${job.fineTunedModel}:ckpt-step-8`,
      `${job.fineTunedModel}:ckpt-step-10`,
    ]);
    const openai = await get<{ data: { step_number: number }[] }>(`/v1/fine_tuning/jobs/${id}/checkpoints`);
    expect(openai.data.map(({ step_number }) => step_number)).toEqual([10, 8]);
  });

  it("are told of when they go", async () => {
    const { id, get } = await finishedJob();
    const { data } = await get<Page<JobEvent>>(`/v1/jobs/${id}/events`);
    const saved = data.flatMap((event) => (event.type === "checkpoint.saved" ? [event] : []));
    expect(saved.map(({ removedSteps }) => removedSteps)).toEqual([undefined, undefined, [2], [4], [6]]);
  });

  it("answer no chat: the refusal says why, and which there are", async () => {
    const { id, fetch, get } = await finishedJob();
    const { fineTunedModel } = await get<Job>(`/v1/jobs/${id}`);
    const body = { model: `${fineTunedModel}:ckpt-step-4`, messages: [{ role: "user", content: "hi" }] };
    const response = await fetch("/v1/chat/completions", { method: "POST", body: JSON.stringify(body) });
    expect(response.status).toBe(404);
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe("model_not_found");
    expect(error.message).toBe(
      `Job ${id} has no checkpoint of step 4 any more, if it ever had: it keeps the newest 2 (keepCheckpoints) and the best. It has: 8, 10.`,
    );
  });
});

describe("recordChange", () => {
  const saved = (step: number, removedSteps?: number[]) =>
    ({
      type: "checkpoint.saved",
      step,
      artifacts: [{ kind: "checkpoint", step, path: `/${step}`, files: [] }],
      metrics: {},
      timestamp: "2026-01-01T00:00:00.000Z",
      ...(removedSteps ? { removedSteps } : {}),
    }) as unknown as TimedEvent;

  it("keeps what one batch of events leaves behind, in their order", () => {
    const { artifacts, removeArtifacts } = recordChange([saved(2), saved(4, [2]), saved(6, [1]), saved(2, [6])]);
    expect(stepsOf(artifacts!)).toEqual([4, 2]);
    expect(removeArtifacts).toEqual([
      { kind: "checkpoint", step: 1 },
      { kind: "checkpoint", step: 6 },
    ]);
  });
});
