import { afterEach, beforeEach, expect, it } from "vitest";
import type { Job, JobSpecInput } from "../protocol/job.ts";
import { createTestApp, type TestApp } from "../testing.ts";
import { hideTokens } from "./hide-tokens.ts";

let app: TestApp;
beforeEach(() => {
  app = createTestApp();
});
afterEach(() => app.close());

const spec: JobSpecInput = {
  name: "private",
  model: "org/base",
  dataset: { type: "huggingface", name: "acme/qa", subset: "en", token: "hf_secret" },
  evalDataset: { type: "blob", url: "https://a.example/eval.jsonl?sig=hf_secret#hf_secret", token: "hf_secret" },
};

it("a data set's token and a URL's signature are in no answer and in no event", async () => {
  const created = await app.fetch("/v1/jobs", { method: "POST", body: JSON.stringify(spec) });
  const createdText = await created.text();
  const job = JSON.parse(createdText) as Job;
  expect(job.spec).toMatchObject({
    dataset: { type: "huggingface", name: "acme/qa", subset: "en" },
    evalDataset: { type: "blob", url: "https://a.example/eval.jsonl" },
  });
  const read = async (path: string) => (await app.fetch(path, { headers: { accept: "text/event-stream" } })).text();
  const events = await read(`/v1/jobs/${job.id}/events`);
  expect(events).toContain("training.completed");
  const paths = [`/v1/jobs/${job.id}`, "/v1/jobs", "/v1/fine_tuning/jobs", `/v1/fine_tuning/jobs/${job.id}/events`];
  const answers = [createdText, events, ...(await Promise.all(paths.map(read)))];
  for (const text of answers) expect(text).not.toContain("hf_secret");
});

it("a password in a URL is hidden too", () => {
  const dataset = { type: "blob", url: "https://me:hf_secret@a.example/x.jsonl" } as const;
  const job = { spec: { name: "n", model: "m", method: "sft", dataset } } as unknown as Job;
  expect(hideTokens(job).spec.dataset).toEqual({ type: "blob", url: "https://a.example/x.jsonl" });
});
