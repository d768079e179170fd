/** The `openai` package against a server on a port: every route that its resources have, one after the other, as one user. */
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Listening, listen } from "./serve.ts";
import { chatRows, collect, createOpenAITest, type OpenAITest, toJsonl } from "./testing-openai.ts";

let t: OpenAITest;
let server: Listening;
let openai: OpenAI;

beforeAll(async () => {
  t = createOpenAITest({ fake: { manual: true }, modelAliases: { "gpt-4o-mini": "org/base" } });
  server = await listen(t.app, { port: 0 });
  openai = new OpenAI({ apiKey: "none", adminAPIKey: "none", baseURL: `${server.url}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  await t.close();
  await server.close();
  expect(t.errors).toEqual([]);
});

const content = Buffer.from(toJsonl(chatRows(20)));
const messages = [{ role: "user" as const, content: "hi" }];
const statusOf = async (id: string): Promise<string> => (await openai.fineTuning.jobs.retrieve(id)).status;

async function uploadInParts(): Promise<string> {
  const announced = { bytes: content.length, filename: "parts.jsonl", mime_type: "text/jsonl", purpose: "fine-tune" };
  const upload = await openai.uploads.create(announced as OpenAI.UploadCreateParams);
  const cuts = [0, 100, 101, 700, content.length];
  const parts = await Promise.all(
    cuts.slice(1).map(async (end, i) => {
      const data = await toFile(content.subarray(cuts[i], end), `part-${i}`);
      return (await openai.uploads.parts.create(upload.id, { data })).id;
    }),
  );
  const { status, file } = await openai.uploads.complete(upload.id, { part_ids: parts });
  expect(status).toBe("completed");
  return file!.id;
}

async function createJob(suffix: string): Promise<string> {
  const file = await toFile(content, "train.jsonl");
  const { id: training_file } = await openai.files.create({ file, purpose: "fine-tune" });
  const metadata = { suffix };
  const { id } = await openai.fineTuning.jobs.create({ model: "gpt-4o-mini", training_file, suffix, metadata });
  return id;
}

describe("the openai package over HTTP", () => {
  it("handles files and uploads", async () => {
    const parts = await uploadInParts();
    const file = await openai.files.create({ file: await toFile(content, "one.jsonl"), purpose: "fine-tune" });
    expect((await collect(openai.files.list({ limit: 1, order: "asc" }))).map(({ id }) => id)).toEqual([
      parts,
      file.id,
    ]);
    expect(await openai.files.waitForProcessing(file.id)).toEqual(file);
    for (const id of [parts, file.id]) expect(await (await openai.files.content(id)).text()).toBe(content.toString());
    for (const id of [parts, file.id]) expect((await openai.files.delete(id)).deleted).toBe(true);
    const given = await openai.uploads.create({ bytes: 1, filename: "f", mime_type: "m", purpose: "batch" });
    expect((await openai.uploads.cancel(given.id)).status).toBe("cancelled");
  });

  it("pauses, resumes and cancels a job", async () => {
    const id = await createJob("paused");
    await t.runner.advance(1);
    await openai.fineTuning.jobs.pause(id);
    await t.runner.advance(1);
    await expect.poll(() => statusOf(id)).toBe("paused");
    await openai.fineTuning.jobs.resume(id);
    await expect.poll(() => statusOf(id)).toBe("running");
    const cancelling = openai.fineTuning.jobs.cancel(id);
    await expect.poll(async () => (await t.store.getJob(id))?.requested).toBe("cancel");
    await t.runner.advance(1);
    expect((await cancelling).status).toBe("cancelled");
  });

  it("follows a job to its model, page by page, and asks, lists, permits and deletes what it made", async () => {
    const id = await createJob("routes");
    await t.runner.advance(2);
    const [early] = (await openai.fineTuning.jobs.checkpoints.list(id)).data;
    const checkpoint = early!.fine_tuned_model_checkpoint;
    expect(await statusOf(id)).toBe("running");
    expect((await openai.chat.completions.create({ model: checkpoint, messages })).choices).toHaveLength(1);
    await t.runner.advance(2);
    await expect.poll(() => statusOf(id)).toBe("succeeded");

    const { jobs } = openai.fineTuning;
    expect((await collect(jobs.list({ metadata: { suffix: "routes" } }))).map((job) => job.id)).toEqual([id]);
    const events = (await jobs.listEvents(id, { limit: 100 })).data.map((event) => event.id);
    expect((await collect(jobs.listEvents(id, { limit: 3 }))).map((event) => event.id)).toEqual(events);
    const steps = (await collect(jobs.checkpoints.list(id, { limit: 1 }))).map(({ step_number }) => step_number);
    expect(steps).toEqual([4, 2]);
    const { fine_tuned_model, result_files } = await jobs.retrieve(id);
    expect(await (await openai.files.content(result_files[0]!)).text()).toMatch(/^step,train_loss,/);

    const { permissions } = openai.fineTuning.checkpoints;
    const made = await collect(permissions.create(checkpoint, { project_ids: ["p1", "p2"] }));
    const listed = await collect(permissions.list(checkpoint, { limit: 1, order: "ascending" }));
    expect(listed).toEqual(made);
    const gone = { id: made[0]!.id, object: "checkpoint.permission", deleted: true };
    expect(await permissions.delete(made[0]!.id, { fine_tuned_model_checkpoint: checkpoint })).toEqual(gone);

    const names = (await collect(openai.models.list())).map((model) => model.id);
    expect(names).toEqual(expect.arrayContaining(["org/base", "gpt-4o-mini", checkpoint, fine_tuned_model!]));
    expect((await openai.models.retrieve(checkpoint)).id).toBe(checkpoint);
    expect((await openai.models.delete(checkpoint)).deleted).toBe(true);
    await expect(openai.models.retrieve(checkpoint)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    expect((await openai.models.delete(fine_tuned_model!)).deleted).toBe(true);
  });

  it("tries graders", async () => {
    const fields = { input: "{{sample.output_text}}", reference: "{{item.answer}}", operation: "eq" } as const;
    const grader = { type: "string_check" as const, name: "same", ...fields };
    const { graders } = openai.fineTuning.alpha;
    expect(await graders.validate({ grader })).toEqual({ grader });
    expect((await graders.run({ grader, model_sample: "yes", item: { answer: "yes" } })).reward).toBe(1);
    const python = { type: "python", name: "p", source: "" } as const;
    await expect(graders.validate({ grader: python })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  });

  it("stores, lists, updates and deletes chat completions", async () => {
    const { completions } = openai.chat;
    const { id } = await completions.create({ model: "gpt-4o-mini", messages, store: true, metadata: { a: "1" } });
    expect((await completions.update(id, { metadata: { b: "2" } })).id).toBe(id);
    expect((await collect(completions.list({ metadata: { b: "2" } }))).map((each) => each.id)).toEqual([id]);
    expect((await completions.retrieve(id)).choices[0]!.message.content).toBe("org/base: hi");
    expect((await collect(completions.messages.list(id))).map(({ content: text }) => text)).toEqual(["hi"]);
    expect((await completions.delete(id)).deleted).toBe(true);
  });

  it("completes texts, whole and in a stream", async () => {
    const request = { model: "gpt-4o-mini", prompt: ["one two", "three"] };
    const whole = (await openai.completions.create(request)).choices.map(({ text }) => text);
    expect(whole).toEqual(["org/base: one two", "org/base: three"]);
    const texts = ["", ""];
    for await (const { choices } of await openai.completions.create({ ...request, stream: true })) {
      for (const { index, text } of choices) texts[index] += text;
    }
    expect(texts).toEqual(whole);
  });

  it("is told what is wrong as errors of its own", async () => {
    const { jobs } = openai.fineTuning;
    await expect(jobs.retrieve("ftjob-x")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(jobs.create({ model: "gpt-5", training_file: "file-x" })).rejects.toMatchObject({
      ...{ status: 400, code: "model_not_available", param: "model", requestID: expect.stringMatching(/^req_/) },
    });
  });
});
