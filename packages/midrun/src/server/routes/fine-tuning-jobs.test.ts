import { setImmediate as nextTurn } from "node:timers/promises";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MidrunError } from "../../errors.ts";
import type { TestAppOptions } from "../../testing.ts";
import { chatRows, collect, createOpenAITest, type OpenAITest, toJsonl } from "../testing-openai.ts";

const apps: OpenAITest[] = [];

function setUp(options?: TestAppOptions): OpenAITest {
  const test = createOpenAITest(options);
  apps.push(test);
  return test;
}

let t: OpenAITest;
beforeEach(() => {
  t = setUp({ fake: { manual: true }, modelAliases: { "gpt-4o-mini": "org/base" } });
});
afterEach(async () => {
  for (const { close, errors } of apps.splice(0)) {
    await close();
    expect(errors).toEqual([]);
  }
});

type Create = OpenAI.FineTuning.JobCreateParams;
const create = async (overrides: Partial<Create> = {}, rows = chatRows(), test = t) =>
  test.openai.fineTuning.jobs.create({ model: "org/base", training_file: await test.upload(rows), ...overrides });

const jobs = () => t.openai.fineTuning.jobs;
const messagesOf = async (id: string, test = t) =>
  (await collect(test.openai.fineTuning.jobs.listEvents(id, { limit: 2 }))).map(({ message }) => message).reverse();

describe("fineTuning.jobs.create", () => {
  it("gives the whole job, queued, with what is auto still auto", async () => {
    const training_file = await t.upload(chatRows());
    const job = await jobs().create({ model: "gpt-4o-mini", training_file, suffix: "My Bot", metadata: { k: "v" } });
    expect(job).toEqual({
      id: expect.stringMatching(/^ftjob-[0-9A-Za-z]{24}$/),
      object: "fine_tuning.job",
      created_at: 1767225600,
      model: "org/base",
      status: "queued",
      training_file,
      validation_file: null,
      fine_tuned_model: null,
      finished_at: null,
      estimated_finish: null,
      trained_tokens: null,
      result_files: [],
      hyperparameters: { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" },
      method: {
        type: "supervised",
        supervised: {
          hyperparameters: { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" },
        },
      },
      organization_id: "org-midrun",
      seed: expect.any(Number),
      error: null,
      integrations: [],
      metadata: { k: "v" },
      user_provided_suffix: "My Bot",
    });
  });

  it("makes an ordinary job, which the native route shows and trains", async () => {
    const { id } = await create({ suffix: "bot", seed: 7, hyperparameters: { n_epochs: 2, batch_size: 4 } });
    const native = (await t.send("GET", `/v1/jobs/${id}`)).body;
    expect(native).toMatchObject({
      id,
      name: "bot",
      status: "running",
      spec: { seed: 7, numTrainEpochs: 2, batchSize: 4 },
    });
    expect(native).not.toHaveProperty("fineTuning");
    expect(t.runner.training).toEqual([id]);
  });

  it.each([
    [10, { n_epochs: 10, batch_size: 1, learning_rate_multiplier: 2 }],
    [34, { n_epochs: 3, batch_size: 1, learning_rate_multiplier: 2 }],
    [320, { n_epochs: 3, batch_size: 8, learning_rate_multiplier: 2 }],
  ])("decides auto for %i examples, and tells once training begins", async (count, resolved) => {
    const { id } = await create({}, chatRows(count));
    await t.runner.advance(0);
    const job = await jobs().retrieve(id);
    expect(job.hyperparameters).toEqual(resolved);
    expect(job.method).toEqual({ type: "supervised", supervised: { hyperparameters: resolved } });
    const { spec } = (await t.store.getJob(id))!;
    expect(spec.learningRate).toBeCloseTo(2e-4, 12);
    expect(spec.numTrainEpochs).toBe(resolved.n_epochs);
  });

  it("takes what OpenAI has no word for from the field midrun, strictly", async () => {
    const training_file = await t.upload(chatRows());
    const settings = { lora: { r: 4, alpha: 8 }, packing: true, saveSteps: { ratio: 0.5 }, warmupSteps: 5 };
    const body = { model: "org/base", training_file, hyperparameters: { batch_size: 3 }, midrun: settings };
    const { status, headers, body: job } = await t.send("POST", "/v1/fine_tuning/jobs", body);
    expect([status, headers.get("x-midrun-ignored")]).toEqual([200, null]);
    const { spec } = (await t.store.getJob((job as { id: string }).id))!;
    expect(spec).toMatchObject({ ...settings, batchSize: 3 });
    for (const [midrun, param, code] of [
      [{ lora: { rank: 4 } }, "midrun.lora.rank", "unknown_parameter"],
      [{ learningRate: 1 }, "midrun.learningRate", "unknown_parameter"],
      [{ packing: "yes" }, "midrun.packing", "invalid_type"],
    ] as const) {
      expect(await t.send("POST", "/v1/fine_tuning/jobs", { ...body, midrun })).toMatchObject({
        ...{ status: 400, body: { error: { param, code } } },
      });
    }
  });

  it("uses the part of the method that its type names, and no other", async () => {
    const hyperparameters = { n_epochs: 4, learning_rate_multiplier: 0.5 };
    const job = await create({
      method: {
        type: "supervised",
        supervised: { hyperparameters },
        dpo: { hyperparameters: { n_epochs: 9, beta: 0.3 } },
        reinforcement: { grader: { type: "string_check", name: "g", input: "", reference: "", operation: "eq" } },
      },
    });
    const { spec } = (await t.store.getJob(job.id))!;
    expect(spec).toMatchObject({ method: "sft", numTrainEpochs: 4 });
    expect(spec.learningRate).toBeCloseTo(5e-5, 12);
  });

  it.each<[string, Partial<Create>, object]>([
    [
      "a model of OpenAI's without an alias",
      { model: "gpt-4.1" },
      {
        param: "model",
        code: "model_not_available",
        message: expect.stringMatching(
          /^400 Model gpt-4\.1 is not available for fine-tuning or does not exist\. .*modelAliases/,
        ),
      },
    ],
    [
      "a file that is not there",
      { training_file: "file-x" },
      { param: "training_file", code: null, message: expect.stringMatching(/'file-x' does not exist/) },
    ],
    [
      "an integration that the server has no key for",
      { integrations: [{ type: "wandb", wandb: { project: "p" } }] },
      { param: "integrations[0]", message: expect.stringMatching(/not set up for Weights & Biases/) },
    ],
    [
      "a validation file that is not there",
      { validation_file: "file-y" },
      { param: "validation_file", message: expect.stringMatching(/'file-y' does not exist/) },
    ],
    [
      "too many epochs",
      { hyperparameters: { n_epochs: 51 } },
      { param: "hyperparameters.n_epochs", code: "integer_above_max_value" },
    ],
    [
      "a word for a number",
      { hyperparameters: { batch_size: "8" as never } },
      { param: "hyperparameters.batch_size", code: "invalid_type" },
    ],
    [
      "no rate",
      { method: { type: "supervised", supervised: { hyperparameters: { learning_rate_multiplier: 0 } } } },
      {
        param: "method.supervised.hyperparameters.learning_rate_multiplier",
        code: expect.stringMatching(/below_min_value$/),
      },
    ],
    ["a long suffix", { suffix: "x".repeat(65) }, { param: "suffix", code: "string_above_max_length" }],
    ["a negative seed", { seed: -1 }, { param: "seed", code: "integer_below_min_value" }],
    [
      "reinforcement learning",
      { method: { type: "reinforcement" } },
      { param: "method.type", message: expect.stringMatching(/reinforcement/) },
    ],
    [
      "a large beta",
      { method: { type: "dpo", dpo: { hyperparameters: { beta: 2.5 } } } },
      { param: "method.dpo.hyperparameters.beta", code: "decimal_above_max_value" },
    ],
  ])("refuses %s, and makes no job", async (_, overrides, expected) => {
    await expect(create(overrides)).rejects.toMatchObject({
      status: 400,
      type: "invalid_request_error",
      ...expected,
    });
    expect((await jobs().list()).data).toEqual([]);
  });

  it("refuses a body without a model or a training file, by the field's name", async () => {
    expect(await t.send("POST", "/v1/fine_tuning/jobs", { model: "m" })).toMatchObject({
      status: 400,
      body: {
        error: {
          message: "Missing required parameter: 'training_file'.",
          type: "invalid_request_error",
          param: "training_file",
          code: "missing_required_parameter",
        },
      },
    });
    for (const body of ["{", "", "[1]"]) {
      expect(await t.send("POST", "/v1/fine_tuning/jobs", body)).toMatchObject({
        status: 400,
        body: { error: { type: "invalid_request_error", param: null } },
      });
    }
    expect(await t.send("POST", "/v1/fine_tuning/jobs", "{")).toMatchObject({
      body: { error: { code: null, message: expect.stringMatching(/not JSON/) } },
    });
  });

  it("shows no more problems than a list of jobs can hold, and counts all", async () => {
    const { error } = await create({}, Array(300).fill({ messages: "none" }));
    expect(error).toMatchObject({ problem_count: 300 });
    expect((error as unknown as { problems: unknown[] }).problems).toHaveLength(100);
  });

  it("refuses a file of another purpose", async () => {
    const file = new File(["x"], "x.txt");
    const { id } = await t.openai.files.create({ file, purpose: "user_data" });
    await expect(create({ training_file: id })).rejects.toMatchObject({
      param: "training_file",
      message: expect.stringMatching(/purpose 'user_data', expected 'fine-tune'/),
    });
  });

  it("words a model that the runner does not find as OpenAI does", async () => {
    const preflight = () => {
      throw new MidrunError("model_not_found", 'There is no model "nobody/nothing".');
    };
    const test = setUp({ fake: { preflight } });
    await expect(create({ model: "nobody/nothing" }, chatRows(), test)).rejects.toMatchObject({
      status: 400,
      code: "model_not_available",
      message: expect.stringMatching(/not available for fine-tuning or does not exist\. There is no model "nobody/),
    });
  });

  it("ignores fields that it does not know, and names them", async () => {
    const training_file = await t.upload(chatRows());
    const body = { model: "org/base", training_file, "new thing": 1, eval_id: null };
    const { status, headers } = await t.send("POST", "/v1/fine_tuning/jobs", body);
    expect([status, headers.get("x-midrun-ignored")]).toEqual([200, "new%20thing, eval_id"]);
    expect(headers.get("x-request-id")).toMatch(/^req_/);
  });

  it("goes on from a fine-tuned model", async () => {
    const first = await create({ suffix: "one" });
    await t.runner.advance(4);
    await t.finish(first.id);
    const { fine_tuned_model } = await jobs().retrieve(first.id);
    const second = await create({ model: fine_tuned_model!, suffix: "two" });
    expect(second).toMatchObject({ model: "org/base", status: "queued" });
  });
});

describe("preferences", () => {
  const pair = (i: number, names = ["preferred_output", "non_preferred_output"]) => ({
    input: { messages: [{ role: "user", content: `Say ${i}.` }] },
    [names[0]!]: [{ role: "assistant", content: `${i} it is` }],
    [names[1]!]: [{ role: "assistant", content: "no" }],
  });
  const pairs = Array.from({ length: 10 }, (_, i) => pair(i));
  const method = { type: "dpo", dpo: { hyperparameters: { beta: 0.3, n_epochs: 1 } } } as const;

  it("become a job of their own method", async () => {
    const old = pair(11, ["preferred_completion", "non_preferred_completion"]);
    const job = await create({ method }, [...pairs, old]);
    expect(job).toMatchObject({ status: "queued", error: null, method: { type: "dpo" } });
    const { spec } = (await t.store.getJob(job.id))!;
    expect(spec).toMatchObject({ method: "dpo", dpoBeta: 0.3, numTrainEpochs: 1 });
    expect(spec.learningRate).toBeCloseTo(1e-5, 12);
    expect((await jobs().retrieve(job.id)).method?.dpo?.hyperparameters).toEqual({
      ...{ n_epochs: 1, batch_size: 1, learning_rate_multiplier: 2, beta: 0.3 },
    });
  });

  it.each<[string, object, RegExp]>([
    [
      "equal outputs",
      { ...pair(1), non_preferred_output: pair(1).preferred_output },
      /Example 11 prefers an output to itself/,
    ],
    [
      "two outputs",
      { ...pair(1), preferred_output: [{}, {}] },
      /'preferred_output' that is not an array of one assistant/,
    ],
    ["no input", { ...pair(1), input: null }, /Example 11 has an 'input' that is no object/],
  ])("with %s fail", async (_, row, message) => {
    const { error } = await create({ method }, [...pairs, row]);
    expect(error).toMatchObject({ code: "invalid_training_file", message: expect.stringMatching(message) });
  });

  it("are refused by the other method", async () => {
    expect((await create({}, pairs)).error?.message).toMatch(
      /fine-tune-preference format, but .*\(provided method=supervised\)/,
    );
  });
});

describe("validation of the data", () => {
  it("fails the job with every problem, each in its place, and keeps auto", async () => {
    const rows: unknown[] = chatRows(12);
    rows[2] = { messages: [{ content: "a" }, { role: "robot", content: "b" }, { role: "assistant", content: "c" }] };
    rows[5] = { messages: [{ role: "user", content: "alone" }] };
    rows[7] = {
      messages: [
        { role: "user", content: 5 },
        { role: "assistant", content: "x", weight: 2, colour: "red" },
      ],
    };
    const job = await create({}, rows as object[]);
    expect(job).toMatchObject({
      status: "failed",
      finished_at: 1767225600,
      hyperparameters: { n_epochs: "auto" },
      error: {
        code: "invalid_training_file",
        param: "training_file",
        message: expect.stringMatching(
          /^The job failed due to an invalid training file\. Invalid file format\. Example 3, message 1 Discriminator 'role' is missing in value; .*and 1 more problems\./,
        ),
      },
    });
    const event = (await jobs().listEvents(job.id)).data.find(({ message }) => message.startsWith("Found"));
    expect(event).toMatchObject({ level: "error", message: "Found 6 problem(s) in the job's files" });
    const { problems } = event!.data as { problems: Record<string, unknown>[] };
    expect(job.error).toMatchObject({ problem_count: 6, problems });
    expect(problems.map(({ line, example, message, code }) => [line, example, message, code])).toEqual([
      [3, 3, 1, "message_missing_key"],
      [3, 3, 2, "unrecognized_role"],
      [6, 6, null, "example_missing_assistant_message"],
      [8, 8, 1, "data_type"],
      [8, 8, 2, "message_unrecognized_key"],
      [8, 8, 2, "invalid_weight"],
    ]);
    expect(t.runner.training).toEqual([]);
  });

  it.each<[string, object[], Partial<Create>, object]>([
    [
      "too few examples",
      chatRows(7),
      {},
      {
        code: "invalid_n_examples",
        param: "training_file",
        message: "Training file has 7 example(s), but must have at least 10 examples.",
      },
    ],
    [
      "another shape",
      Array(10).fill({ text: "a" }),
      {},
      {
        code: "invalid_training_file",
        message: expect.stringMatching(
          /Unexpected file format, expected either prompt\/completion pairs or chat messages/,
        ),
      },
    ],
    [
      "a chat file for preferences",
      chatRows(),
      { method: { type: "dpo" } },
      {
        message: expect.stringMatching(
          /is in the fine-tune-chat format, but .* not using 'supervised' as the training method \(provided method=dpo\)/,
        ),
      },
    ],
    [
      "mixed shapes",
      [...chatRows(), { prompt: "a", completion: "b" }],
      {},
      { message: expect.stringMatching(/Example 11 is in the fine-tune-completion format, unlike the first/) },
    ],
    [
      "a tool message nobody asked for",
      [
        ...chatRows(),
        {
          messages: [
            { role: "tool", content: "x", tool_call_id: "c1" },
            { role: "assistant", content: "y" },
          ],
        },
      ],
      {},
      { message: expect.stringMatching(/Example 11, message 1 No earlier message makes the tool call "c1"/) },
    ],
  ])("fails for %s", async (_, rows, overrides, error) => {
    expect(await create(overrides, rows)).toMatchObject({ status: "failed", error });
  });

  it("names the validation file when that is at fault", async () => {
    const validation_file = await t.upload([{ messages: "none" }]);
    expect(await create({ validation_file })).toMatchObject({
      status: "failed",
      error: { code: "invalid_validation_file", param: "validation_file" },
    });
  });

  it("accepts prompts with completions, a byte order mark, blank lines, tools and weights", async () => {
    const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } };
    const rich = {
      tools: [{ type: "function", function: { name: "f" } }],
      messages: [
        { role: "developer", content: "d", name: null },
        { role: "user", content: [{ type: "text", text: "u" }] },
        { role: "assistant", content: null, tool_calls: [call], weight: 0 },
        { role: "tool", tool_call_id: "c1", content: "r" },
        { role: "assistant", content: "a", weight: 1 },
      ],
    };
    const lines = [...chatRows(9), rich].map((row) => JSON.stringify(row)).join("\r\n\r\n");
    const file = new File([`\ufeff${lines}\r\n\r\n`], "windows.jsonl");
    const { id } = await t.openai.files.create({ file, purpose: "fine-tune" });
    expect(await create({ training_file: id })).toMatchObject({ status: "queued", error: null });
    expect(await create({}, Array(10).fill({ prompt: "a", completion: "b" }))).toMatchObject({ status: "queued" });
  });

  it("warns of chats that do not end with a reply", async () => {
    const rows = chatRows();
    (rows[0] as { messages: object[] }).messages.push({ role: "user", content: "thanks" });
    const { id, status } = await create({}, rows);
    expect(status).toBe("queued");
    const warning = (await jobs().listEvents(id)).data.find(({ level }) => level === "warn");
    expect(warning?.message).toMatch(/^1 example\(s\) of file-.* end without an assistant message/);
  });

  /** A server whose look at a job's file waits for `gate`, and the job that waits for it. */
  async function checkingSlowly(gate: Promise<unknown>) {
    const training_file = await t.upload(chatRows());
    const slow = setUp({
      fake: { manual: true },
      store: t.store,
      files: {
        write: async () => ({ bytes: 0, md5: "" }),
        async *read() {
          await gate;
          yield Buffer.from(toJsonl(chatRows()));
        },
        remove: async () => {},
        sweep: async () => {},
        pathOf: (name) => name,
      },
    });
    const creating = slow.openai.fineTuning.jobs.create({ model: "org/base", training_file });
    let job: Awaited<typeof creating> | undefined;
    creating.then((made) => {
      job = made;
    });
    while (!job) {
      slow.clock.advance(500);
      await nextTurn();
    }
    return { slow, job };
  }

  it("answers validating_files when it takes longer than a second, and goes on", async () => {
    const gate = Promise.withResolvers<void>();
    const { slow, job } = await checkingSlowly(gate.promise);
    const { pause, resume, retrieve } = slow.openai.fineTuning.jobs;
    const use = <T>(call: (id: string) => T) => call.call(slow.openai.fineTuning.jobs, job.id);
    expect(job.status).toBe("validating_files");
    expect(slow.runner.training).toEqual([]);
    expect((await use(pause)).status).toBe("paused");
    expect((await use(resume)).status).toBe("validating_files");
    gate.resolve();
    while (slow.runner.training.length === 0) await nextTurn();
    expect((await use(retrieve)).status).toBe("running");
  });

  it("fails a job whose file cannot be read any more", async () => {
    const gate = Promise.withResolvers<void>();
    const { slow, job } = await checkingSlowly(gate.promise);
    gate.reject(new MidrunError("file_not_found", "The content of file x is gone."));
    await slow.finish(job.id);
    expect(await slow.openai.fineTuning.jobs.retrieve(job.id)).toMatchObject({
      status: "failed",
      error: {
        code: "invalid_training_file",
        message: expect.stringMatching(/could not be read: The content of file x/),
      },
    });
  });

  it("leaves a cancelled job alone", async () => {
    const gate = Promise.withResolvers<void>();
    const { slow, job } = await checkingSlowly(gate.promise);
    expect((await slow.openai.fineTuning.jobs.cancel(job.id)).status).toBe("cancelled");
    gate.resolve();
    for (let i = 0; i < 20; i++) await nextTurn();
    expect((await slow.openai.fineTuning.jobs.retrieve(job.id)).status).toBe("cancelled");
    expect(slow.runner.training).toEqual([]);
  });

  it("is done again by the next server when one ends in the middle of it", async () => {
    const gate = Promise.withResolvers<void>();
    const { slow, job } = await checkingSlowly(gate.promise);
    const closing = slow.close();
    gate.resolve();
    await closing;
    expect(await t.store.getJob(job.id)).toMatchObject({ status: "queued", held: true });
    const { openai, runner } = setUp({ fake: { manual: true }, store: t.store, files: t.files });
    while (runner.training.length === 0) await nextTurn();
    expect((await openai.fineTuning.jobs.retrieve(job.id)).status).toBe("running");
  });
});

describe("the life of a job", () => {
  it("is told in OpenAI's words, newest first, page by page", async () => {
    const validation_file = await t.upload(chatRows(2));
    const { id, training_file } = await create({ suffix: "bot", validation_file });
    await t.runner.advance(4);
    await t.finish(id);
    const job = await jobs().retrieve(id);
    const name = job.fine_tuned_model!;
    expect(name).toMatch(/^ft:org\/base:midrun:bot:[0-9A-Za-z]{8}$/);
    expect(await messagesOf(id)).toEqual([
      `Created fine-tuning job: ${id}`,
      `Validating training file: ${training_file} and validation file: ${validation_file}`,
      "Files validated, moving job to queued state",
      "Fine-tuning job started",
      "Step 1/4: training loss=4.00",
      "Step 2/4: training loss=2.00",
      `Checkpoint created at step 2 with Snapshot ID: ${name}:ckpt-step-2`,
      "Step 3/4: training loss=1.33",
      "Step 4/4: training loss=1.00",
      `Checkpoint created at step 4 with Snapshot ID: ${name}:ckpt-step-4`,
      `New fine-tuned model created: ${name}`,
      "The job has successfully completed",
    ]);
    const metrics = (await jobs().listEvents(id)).data.find(({ type }) => type === "metrics");
    expect(metrics).toMatchObject({
      object: "fine_tuning.job.event",
      level: "info",
      data: { step: 4, total_steps: 4, train_loss: 1, train_mean_token_accuracy: 0.5 },
    });
    expect(Object.keys(metrics!.data as object)).not.toContain("valid_loss");
  });

  it("has one set of event ids whatever the size of the pages", async () => {
    const { id } = await create();
    await t.runner.advance(4);
    await t.finish(id);
    const all = (await jobs().listEvents(id, { limit: 100 })).data.map((event) => event.id);
    expect(new Set(all).size).toBe(all.length);
    for (const limit of [1, 2, 3, 5]) {
      expect((await collect(jobs().listEvents(id, { limit }))).map((event) => event.id)).toEqual(all);
    }
    expect((await jobs().listEvents(id, { after: "ftevent-x-1-0" })).data).toEqual([]);
    expect((await jobs().listEvents(id, { limit: 0 })).data).toHaveLength(1);
  });

  it("gives checkpoints as they come, and answers from them while the job runs", async () => {
    const { id } = await create();
    await t.runner.advance(2);
    const [checkpoint] = (await jobs().checkpoints.list(id)).data;
    expect(checkpoint).toMatchObject({
      object: "fine_tuning.job.checkpoint",
      fine_tuning_job_id: id,
      step_number: 2,
      fine_tuned_model_checkpoint: expect.stringMatching(/^ft:org\/base:midrun::[0-9A-Za-z]{8}:ckpt-step-2$/),
      metrics: { step: 2, train_loss: 2, train_mean_token_accuracy: 0.5 },
    });
    expect((await jobs().retrieve(id)).status).toBe("running");
    const model = checkpoint!.fine_tuned_model_checkpoint;
    const answer = await t.openai.chat.completions.create({ model, messages: [{ role: "user", content: "hello" }] });
    expect(answer).toMatchObject({ model, choices: [{ message: { content: "step-000002: hello" } }] });
    await t.runner.advance(2);
    await t.finish(id);
    const steps = (await collect(jobs().checkpoints.list(id, { limit: 1 }))).map(({ step_number }) => step_number);
    expect(steps).toEqual([4, 2]);
    const page = await t.send("GET", `/v1/fine_tuning/jobs/${id}/checkpoints?limit=1`);
    expect(page.body).toMatchObject({ has_more: true, first_id: expect.any(String), last_id: expect.any(String) });
    expect((await t.send("GET", `/v1/fine_tuning/jobs/${id}/checkpoints?after=x`)).body).toEqual({
      ...{ object: "list", data: [], has_more: false },
      ...{ first_id: null, last_id: null },
    });
  });

  it("ends with a model, its tokens and a table of its steps", async () => {
    const { id } = await create();
    await t.runner.advance(4);
    await t.finish(id);
    const job = await jobs().retrieve(id);
    expect(job).toMatchObject({ status: "succeeded", finished_at: 1767225600, error: null });
    expect(await t.openai.files.retrieve(job.result_files[0]!)).toMatchObject({
      purpose: "fine-tune-results",
      filename: "step_metrics.csv",
      status: "processed",
    });
    const csv = await (await t.openai.files.content(job.result_files[0]!)).text();
    expect(csv.split("\n").slice(0, 3)).toEqual([
      "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy",
      "1,4,0.5,,",
      "2,2,0.5,,",
    ]);
    expect(csv.trim().split("\n")).toHaveLength(5);
  });

  it("pauses after its step, resumes and is cancelled; ended jobs refuse with 400", async () => {
    const { id } = await create();
    await t.runner.advance(1);
    expect((await jobs().pause(id)).status).toBe("pausing");
    await t.runner.advance(1);
    // The package's types do not know the status of a pause.
    const status = async (): Promise<string> => (await jobs().retrieve(id)).status;
    while ((await status()) !== "paused") await nextTurn();
    expect((await jobs().resume(id)).status).toBe("queued");
    expect((await jobs().retrieve(id)).status).toBe("running");
    expect(await messagesOf(id)).toContain("Fine-tuning job paused at step 2");
    const cancelling = jobs().cancel(id);
    while (t.runner.training.length > 0) {
      await t.runner.advance(1).catch(() => {});
      await nextTurn();
    }
    expect(await cancelling).toMatchObject({ status: "cancelled", fine_tuned_model: null, error: null });
    for (const command of ["cancel", "pause", "resume"] as const) {
      await expect(jobs()[command](id)).rejects.toMatchObject({ status: 400, code: "invalid_state" });
    }
  });

  it.each(["", "{}"])("takes commands with the body %j", async (body) => {
    const { id } = await create();
    const response = await t.fetch(`/v1/fine_tuning/jobs/${id}/pause`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    expect([response.status, await response.json()]).toMatchObject([200, { status: "pausing" }]);
  });

  it("answers a cancellation that takes its time with the job as it is", async () => {
    const { id } = await create();
    await t.runner.advance(1);
    const cancelling = jobs().cancel(id);
    let status: string | undefined;
    cancelling.then((job) => {
      status = job.status;
    });
    while (status === undefined) {
      t.clock.advance(500);
      await nextTurn();
    }
    expect(status).toBe("running");
  });

  it("tells a failure of the training", async () => {
    const { id } = await create();
    await t.runner.advance(1);
    t.runner.fail(new MidrunError("diverged", "The loss is NaN at step 2."));
    await t.finish(id);
    expect(await jobs().retrieve(id)).toMatchObject({
      status: "failed",
      error: { code: "diverged", message: "The loss is NaN at step 2.", param: null },
    });
    expect((await jobs().listEvents(id)).data[0]).toMatchObject({
      level: "error",
      message: "The loss is NaN at step 2.",
    });
  });

  it("answers 404 to an unknown job, in every route", async () => {
    const unknown = { status: 404, code: "fine_tune_not_found", param: "fine_tune_id" };
    const { retrieve, cancel, listEvents } = OpenAI.FineTuning.Jobs.prototype;
    for (const call of [retrieve, cancel, listEvents]) {
      await expect(call.bind(jobs())("ftjob-x")).rejects.toMatchObject(unknown);
    }
    await expect(jobs().checkpoints.list("ftjob-x")).rejects.toMatchObject(unknown);
    await expect(jobs().retrieve("ftjob-x")).rejects.toThrow("Could not find fine tune: ftjob-x");
  });
});

describe("fineTuning.jobs.list", () => {
  it("pages through the jobs of every door, newest first", async () => {
    const made: string[] = [];
    for (let i = 0; i < 3; i++) made.unshift((await create()).id);
    const spec = { name: "native", model: "org/base", dataset: { type: "inline", rows: [{ text: "a" }] } };
    const native = (await t.send("POST", "/v1/jobs", spec)).body as { id: string };
    expect((await collect(jobs().list({ limit: 1 }))).map(({ id }) => id)).toEqual([native.id, ...made]);
    expect((await t.send("GET", "/v1/fine_tuning/jobs?limit=1")).body).toEqual({
      object: "list",
      data: [expect.objectContaining({ id: native.id, training_file: "", hyperparameters: {} })],
      has_more: true,
    });
    expect((await jobs().list({ after: "ftjob-x" })).data).toEqual([]);
  });

  it("filters by metadata", async () => {
    const a = await create({ metadata: { team: "x", empty: "" } });
    const b = await create({ metadata: { team: "y" } });
    const none = await create();
    const ids = async (metadata: Record<string, string> | null) =>
      (await collect(jobs().list({ metadata, limit: 1 }))).map(({ id }) => id);
    expect(await ids({ team: "x" })).toEqual([a.id]);
    expect(await ids({ empty: "" })).toEqual([a.id]);
    expect(await ids({ team: "x", empty: "z" })).toEqual([]);
    expect(await ids({})).toEqual([none.id, b.id, a.id]);
    expect(
      ((await t.send("GET", "/v1/fine_tuning/jobs?metadata=null")).body as { data: { id: string }[] }).data.map(
        ({ id }) => id,
      ),
    ).toEqual([none.id]);
  });
});
