import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MidrunError } from "../errors.ts";
import type { Job, JobSpecInput } from "../protocol/job.ts";
import { createTestApp, type TestApp, type TestAppOptions } from "../testing.ts";

const spec: JobSpecInput = {
  name: "Support bot",
  model: "org/base",
  dataset: { type: "inline", rows: [{ text: "a" }] },
};
const apps: TestApp[] = [];

function setUp(options?: TestAppOptions) {
  const test = createTestApp(options);
  apps.push(test);
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await test.fetch(path, { method, headers, ...(body === undefined ? {} : { body: text }) });
    // biome-ignore lint/suspicious/noExplicitAny: what a client sees before it knows what it got
    return { status: response.status, headers: response.headers, body: (await response.json()) as any };
  };
  const get = (path: string, headers?: Record<string, string>) => send("GET", path, undefined, headers);
  const post = (path: string, body?: unknown, headers?: Record<string, string>) => send("POST", path, body, headers);
  const create = async (overrides: Partial<JobSpecInput> = {}): Promise<Job> =>
    (await post("/v1/jobs", { ...spec, ...overrides })).body;
  /** Waits for the job's end. */
  const finished = async (id: string) => {
    await (await test.fetch(`/v1/jobs/${id}/events`, { headers: { accept: "text/event-stream" } })).text();
    return (await get(`/v1/jobs/${id}`)).body as Job;
  };
  return { ...test, send, get, post, create, finished };
}

const keysOf = (body: { error: object }) => Object.keys(body.error).sort();

let t: ReturnType<typeof setUp>;
beforeEach(() => {
  t = setUp({ fake: { manual: true } });
});
afterEach(async () => {
  for (const { close, errors } of apps.splice(0)) {
    await close();
    expect(errors).toEqual([]);
  }
});

describe("POST /v1/jobs", () => {
  it("answers with the queued job, defaults filled in", async () => {
    const { status, body } = await t.post("/v1/jobs", { ...spec, datasetSplit: { enabled: true } });
    expect(status).toBe(200);
    expect(body).toEqual({
      id: expect.stringMatching(/^job_[0-9A-Za-z]{24}$/),
      name: "Support bot",
      model: "org/base",
      status: "queued",
      spec: { ...spec, method: "sft", datasetSplit: { enabled: true, testSize: 0.1, seed: 42 } },
      createdAt: "2026-01-01T00:00:00.000Z",
      startedAt: null,
      finishedAt: null,
      step: 0,
      totalSteps: null,
      metrics: null,
      artifacts: [],
      fineTunedModel: null,
      error: null,
    });
  });

  it.each([
    [{ ...spec, learningrate: 1 }, "learningrate", 'Unknown field "learningrate". Did you mean "learningRate"?'],
    [{ ...spec, maxSteps: "10" }, "maxSteps", 'maxSteps: got "10", expected integer.'],
    [{ name: "x", model: "y" }, "dataset", /^Missing field "dataset": expected \{ type, name, /],
  ])("refuses %j by the field's name, and makes no job", async (body, param, message) => {
    const answer = await t.post("/v1/jobs", body);
    expect(answer.status).toBe(400);
    expect(keysOf(answer.body)).toEqual(["code", "message", "param", "type"]);
    expect(answer.body.error).toMatchObject({ type: "invalid_request_error", param, code: "invalid_config" });
    expect(answer.body.error.message).toMatch(message);
    expect((await t.get("/v1/jobs")).body.data).toEqual([]);
  });

  it.each([
    ["", "it is empty"],
    ["{", "JSON"],
    ["null", "got null"],
  ])("refuses the body %j", async (body, message) => {
    const answer = await t.post("/v1/jobs", body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain(message);
  });

  it("refuses a body that is too large, announced or not", async () => {
    const { app } = setUp({ maxBodyBytes: 100 });
    const body = JSON.stringify({ ...spec, name: "x".repeat(200) });
    const streamed = new Response(body).body!;
    for (const init of [
      { body, headers: { "content-length": `${body.length}` } },
      { body: streamed, duplex: "half" },
    ]) {
      const response = await app.request("/v1/jobs", { method: "POST", ...init } as RequestInit);
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ error: { code: "payload_too_large" } });
    }
  });

  it("passes on what the runner refuses a job for", async () => {
    const error = new MidrunError("invalid_dataset", "There is no file /x.jsonl.", { param: "dataset.path" });
    const { post, get } = setUp({
      fake: {
        preflight: () => {
          throw error;
        },
      },
    });
    const { status, body } = await post("/v1/jobs", spec);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: "invalid_dataset", param: "dataset.path", message: error.message });
    expect((await get("/v1/jobs")).body.data).toEqual([]);
  });

  it("makes one job for one Idempotency-Key, and refuses the key for another body", async () => {
    const headers = { "idempotency-key": "abc" };
    const answers = await Promise.all([1, 2, 3].map(() => t.post("/v1/jobs", spec, headers)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const other = await t.post("/v1/jobs", { ...spec, name: "other" }, headers);
    expect(other.status).toBe(400);
    expect(other.body.error).toMatchObject({ code: "idempotency_conflict", param: "Idempotency-Key" });
    expect((await t.get("/v1/jobs")).body.data).toHaveLength(1);
    expect((await t.post("/v1/jobs", spec, { "idempotency-key": "k".repeat(256) })).status).toBe(400);
  });
});

describe("GET /v1/jobs", () => {
  it("pages, newest first", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.unshift((await t.create()).id);
    const first = (await t.get("/v1/jobs?limit=2")).body;
    expect([first.data.map((job: Job) => job.id), first.hasMore]).toEqual([ids.slice(0, 2), true]);
    const second = (await t.get(`/v1/jobs?limit=2&after=${ids[1]}`)).body;
    expect([second.data.map((job: Job) => job.id), second.hasMore]).toEqual([ids.slice(2), false]);
  });

  it("keeps limits within bounds, takes unknown cursors for the end and refuses nonsense", async () => {
    await t.create();
    expect((await t.get("/v1/jobs?limit=0")).body.data).toHaveLength(1);
    expect((await t.get("/v1/jobs?limit=99999")).status).toBe(200);
    expect((await t.get("/v1/jobs?after=job_x")).body).toEqual({ data: [], hasMore: false });
    const nonsense = await t.get("/v1/jobs?limit=ten");
    expect([nonsense.status, nonsense.body.error.param]).toEqual([400, "limit"]);
  });

  it("filters by status", async () => {
    await t.create();
    await t.create();
    expect((await t.get("/v1/jobs?status=running")).body.data).toHaveLength(1);
    expect((await t.get("/v1/jobs?status=runing")).body.error).toMatchObject({ param: "status" });
  });
});

describe("/v1/jobs/:id", () => {
  it("tells a finished job with its artifacts and its model's name", async () => {
    const { create, finished } = setUp({ fake: { steps: 2, saveSteps: 1 } });
    const job = await finished((await create()).id);
    expect(job).toMatchObject({ status: "completed", step: 2, totalSteps: 2, error: null });
    expect(job.fineTunedModel).toMatch(/^ft:org\/base:midrun:support-bot:[0-9A-Za-z]{8}$/);
    expect(job.artifacts.map(({ kind, step }) => `${kind} ${step}`)).toEqual([
      "checkpoint 1",
      "checkpoint 2",
      "adapter 2",
    ]);
  });

  it("cancels, pauses and resumes", async () => {
    await t.create();
    const { id } = await t.create();
    expect((await t.post(`/v1/jobs/${id}/pause`)).body.status).toBe("paused");
    expect((await t.post(`/v1/jobs/${id}/resume`, "{}")).body.status).toBe("queued");
    expect((await t.post(`/v1/jobs/${id}/cancel`)).body.status).toBe("cancelled");
    const refused = await t.post(`/v1/jobs/${id}/resume`);
    expect(refused.status).toBe(400);
    expect(refused.body.error.code).toBe("invalid_state");
    expect(refused.body.error.message).toContain(`Cannot resume job ${id}: it is cancelled.`);
  });

  it("obeys a command once for each Idempotency-Key", async () => {
    await t.create();
    const { id } = await t.create();
    const headers = { "idempotency-key": "cancel-it" };
    for (let i = 0; i < 2; i++) {
      expect((await t.post(`/v1/jobs/${id}/cancel`, undefined, headers)).body.status).toBe("cancelled");
    }
    expect((await t.post(`/v1/jobs/${id}/pause`, undefined, headers)).status).toBe(400);
  });

  it.each(["", "/events", "/checkpoints"])("answers 404 for an unknown job%s", async (path) => {
    const { status, body } = await t.get(`/v1/jobs/job_x${path}`);
    expect([status, body.error.code, body.error.param]).toEqual([404, "job_not_found", "id"]);
  });

  it("lists checkpoints, oldest first, with the name to ask them by", async () => {
    const { create, finished, get } = setUp({ fake: { steps: 3, saveSteps: 1 } });
    const { id } = await create();
    const { fineTunedModel } = await finished(id);
    const { body } = await get(`/v1/jobs/${id}/checkpoints?limit=2`);
    expect(body.hasMore).toBe(true);
    expect(body.data).toMatchObject([
      { jobId: id, step: 1, model: `${fineTunedModel}:ckpt-step-1`, metrics: { step: 1, loss: 4 } },
      { jobId: id, step: 2, artifact: { kind: "checkpoint", step: 2, files: expect.any(Array) } },
    ]);
    const rest = (await get(`/v1/jobs/${id}/checkpoints?after=2`)).body;
    expect([rest.data.length, rest.data[0].step, rest.hasMore]).toEqual([1, 3, false]);
  });
});

describe("GET /v1/models", () => {
  it("lists bases, and trained models as soon as they can answer", async () => {
    const { id } = await t.create({ maxSteps: 3, saveSteps: 2 });
    await t.runner.advance(2);
    const during = (await t.get("/v1/models")).body;
    expect(during).toMatchObject({ object: "list", data: [{ id: "org/base", object: "model", owned_by: "base" }, {}] });
    expect(during.data[1].id).toMatch(/^ft:org\/base:midrun:support-bot:\w{8}:ckpt-step-2$/);
    await t.runner.advance();
    const { fineTunedModel } = await t.finished(id);
    const models = (await t.get("/v1/models")).body.data;
    expect(models.map((model: { id: string }) => model.id)).toEqual([
      "org/base",
      fineTunedModel,
      `${fineTunedModel}:ckpt-step-2`,
      `${fineTunedModel}:ckpt-step-3`,
    ]);
    expect(models[1]).toMatchObject({ created: Date.UTC(2026, 0, 1) / 1000, owned_by: "midrun" });
  });
});

describe("every answer", () => {
  it("carries a request id of its own, also a failure", async () => {
    const answers = await Promise.all([
      t.get("/v1/jobs"),
      t.get("/v1/x"),
      t.get("/v1/jobs/x"),
      t.post("/v1/jobs", "{"),
    ]);
    const ids = answers.map(({ headers }) => headers.get("x-request-id"));
    for (const id of ids) expect(id).toMatch(/^req_\w{24}$/);
    expect(new Set(ids).size).toBe(4);
  });

  it("to an unknown route is OpenAI's", async () => {
    const { status, body } = await t.send("DELETE", "/v1/x?y=1");
    expect(status).toBe(404);
    expect(body).toEqual({
      error: { message: "Invalid URL (DELETE /v1/x)", type: "invalid_request_error", param: null, code: null },
    });
  });

  it("to a crash tells nothing of the inside, and the server's log the reason", async () => {
    const { get, store, errors } = setUp();
    const secret = new TypeError("undefined is not secret.path");
    store.listJobs = () => Promise.reject(secret);
    const { status, body, headers } = await get("/v1/jobs");
    expect(status).toBe(500);
    expect(body.error).toMatchObject({ type: "server_error", param: null, code: null });
    expect(body.error.message).toContain(headers.get("x-request-id"));
    expect(JSON.stringify(body)).not.toContain("secret");
    expect(errors.splice(0)).toEqual([secret]);
  });

  it("of a server that has ended says so, with a status that clients repeat", async () => {
    const { get, close } = setUp();
    await close();
    const { status, body } = await get("/v1/jobs");
    expect([status, body.error.code, body.error.type]).toEqual([503, "aborted", "server_error"]);
  });

  it("waits until a server that starts has looked after its orphans, and fails when it cannot", async () => {
    const { get, store } = setUp();
    const broken = createTestApp({ store: { ...store, listJobs: () => Promise.reject(new Error("no disk")) } });
    expect((await broken.fetch("/v1/models")).status).toBe(500);
    await expect(broken.app.ready).rejects.toThrow("no disk");
    expect((await get("/v1/models")).status).toBe(200);
  });
});

describe("a server on this machine", () => {
  const from = (headers: Record<string, string>) => t.get("/v1/jobs", headers);

  it.each([
    { host: "localhost:4000" },
    { host: "127.0.0.1:4000" },
    { host: "[::1]:4000" },
    { host: "localhost", origin: "http://localhost:5173" },
    { origin: "https://127.0.0.1:3000" },
  ])("answers %j", async (headers) => expect((await from(headers as never)).status).toBe(200));

  it.each([
    { host: "evil.example" },
    { host: "127.0.0.1.evil.example:4000" },
    { host: "localhost.evil.example" },
    { host: "evil.example#localhost" },
    { host: "" },
    { host: "localhost", origin: "https://evil.example" },
    { host: "localhost", origin: "null" },
    { host: "localhost", origin: "http://localhost.evil.example" },
  ])("refuses %j: a page of a stranger", async (headers) => {
    const { status, body } = await from(headers as never);
    expect([status, keysOf(body), body.error.code]).toEqual([
      403,
      ["code", "message", "param", "type"],
      "host_not_allowed",
    ]);
  });

  it("answers to other hosts when it is told to", async () => {
    const some = setUp({ allowedHosts: ["midrun.example"] });
    expect((await some.get("/v1/jobs", { host: "midrun.example:80" })).status).toBe(200);
    expect((await some.get("/v1/jobs", { host: "evil.example" })).status).toBe(403);
    const any = setUp({ allowedHosts: "any" });
    expect((await any.get("/v1/jobs", { host: "a.example", origin: "https://b.example" })).status).toBe(200);
  });
});
