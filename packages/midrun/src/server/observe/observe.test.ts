import { afterEach, describe, expect, it } from "vitest";
import { MidrunError } from "../../errors.ts";
import { createTestApp, type TestApp, type TestAppOptions } from "../../testing.ts";
import { createKeyService } from "../keys.ts";
import { createMemoryStore } from "../stores/memory.ts";
import { describeError } from "./describe-error.ts";
import { createServerLog, type LogLevel } from "./log.ts";

const apps: TestApp[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

function setUp({ level = "info", ...options }: TestAppOptions & { level?: LogLevel } = {}) {
  const lines: string[] = [];
  const serverLog = createServerLog({ level, destination: { write: (line: string) => void lines.push(line) } });
  const app = createTestApp({ serverLog, onError: serverLog.fault, ...options });
  apps.push(app);
  const logged = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    app.fetch(path, { method: "POST", body: JSON.stringify(body), headers });
  const metrics = async (headers: Record<string, string> = {}) => (await app.fetch("/metrics", { headers })).text();
  const finish = async (id: string, headers: Record<string, string> = {}) =>
    void (await (
      await app.fetch(`/v1/jobs/${id}/events`, { headers: { accept: "text/event-stream", ...headers } })
    ).text());
  return { ...app, lines, logged, post, metrics, finish };
}

const sentence = "The patient Anna Smith was born in Graz";
const spec = {
  name: "run",
  model: "base",
  dataset: { type: "huggingface", name: "org/data", token: "hf_topsecrettoken" },
  metadata: { note: sentence },
  maxSteps: 2,
};
const inline = { ...spec, dataset: { type: "inline", rows: [{ text: sentence }] } };

describe("the log", () => {
  it("tells of each request by its route, with its id, status and key", async () => {
    const { logged, fetch, store } = setUp();
    const { key, secret } = await createKeyService({ records: store }).create();
    const response = await fetch("/v1/jobs/job_x?secret=1", { headers: { authorization: `Bearer ${secret}` } });
    expect(logged()).toEqual([
      {
        level: 30,
        time: expect.any(String),
        requestId: response.headers.get("x-request-id"),
        method: "GET",
        route: "/v1/jobs/:id",
        status: 404,
        ms: expect.any(Number),
        keyId: key.id,
        projectId: key.projectId,
        msg: "request",
      },
    ]);
    await fetch("/nowhere");
    expect(logged()[1]).toMatchObject({ route: null, status: 401, keyId: null });
  });

  it("tells what happens to jobs, and of their steps only when asked to", async () => {
    const quiet = setUp();
    const { id } = (await (await quiet.post("/v1/jobs", inline)).json()) as { id: string };
    await quiet.finish(id);
    const types = quiet.logged().flatMap(({ type }) => type ?? []);
    expect(types).toEqual(["training.queued", "training.started", "checkpoint.saved", "training.completed"]);
    const talkative = setUp({ level: "debug" });
    const second = (await (await talkative.post("/v1/jobs", inline)).json()) as { id: string };
    await talkative.finish(second.id);
    expect(talkative.logged().filter(({ type }) => type === "training.log")).toMatchObject([{ step: 1 }, { step: 2 }]);
    expect(setUp({ level: "silent" }).lines).toEqual([]);
  });

  it("never holds a key, a token, or a word of anybody's data, whatever goes wrong", async () => {
    const quoting = new Error(`Unexpected token in "${sentence}"`);
    const t = setUp({
      level: "debug",
      fake: {
        reply: () => {
          throw quoting;
        },
        failures: [{ step: 2, error: new MidrunError("invalid_dataset", `Row 3: ${sentence}`) }],
      },
    });
    const { secret } = await createKeyService({ records: t.store }).create();
    const headers = { authorization: `Bearer ${secret}` };
    for (const body of [spec, inline]) {
      const { id } = (await (await t.post("/v1/jobs", body, headers)).json()) as { id: string };
      await t.finish(id, headers);
    }
    const messages = [{ role: "user", content: sentence }];
    expect((await t.post("/v1/chat/completions", { model: "base", messages }, headers)).status).toBe(500);
    await t.post("/v1/chat/completions", { model: "base", messages: sentence }, headers);
    await t.fetch(`/v1/${encodeURIComponent(sentence)}?key=${secret}`, { headers });
    await t.fetch("/v1/jobs", { method: "POST", headers, body: sentence });
    await t.fetch("/v1/jobs", { headers: { authorization: `Bearer ${secret}x` } });
    const all = t.lines.join("");
    expect(t.logged().some(({ msg }) => msg === "fault")).toBe(true);
    expect(t.logged().some(({ code }) => code === "invalid_dataset")).toBe(true);
    for (const private_ of [secret, secret.slice(-20), "hf_topsecret", "Anna", "Graz", "patient"]) {
      expect(all, private_).not.toContain(private_);
    }
    expect((await t.metrics(headers)).includes("Anna")).toBe(false);
  });

  it("says of a fault what and where it was, under the id that the caller was told", async () => {
    const store = createMemoryStore();
    const failing = { ...store, getJob: () => Promise.reject(new TypeError("x is not a function")) };
    const t = setUp({ store: failing });
    const response = await t.fetch("/v1/jobs/job_x");
    expect(response.status).toBe(500);
    const [fault, request] = t.logged();
    expect(fault).toMatchObject({
      level: 50,
      msg: "fault",
      requestId: response.headers.get("x-request-id"),
      error: { name: "TypeError", message: "x is not a function", stack: expect.arrayContaining([expect.any(String)]) },
    });
    expect(request).toMatchObject({ level: 50, status: 500 });
  });
});

describe("describeError", () => {
  it("keeps what is about machines, and leaves out what may quote", () => {
    const io = new MidrunError("io", "Cannot write /data/jobs: disk full.");
    expect(describeError(io)).toMatchObject({ code: "io", message: io.message });
    expect(describeError(new MidrunError("invalid_dataset", "Row 1: Anna"))).not.toHaveProperty("message");
    expect(describeError(new MidrunError("worker_crashed", "Its last output: Anna"))).not.toHaveProperty("message");
    const parse = describeError(new SyntaxError(`Unexpected token 'A', "Anna said "hi""... is not valid JSON\nAnna`));
    expect(JSON.stringify(parse)).not.toContain("Anna");
    expect(describeError("Anna")).toEqual({ name: "string" });
    expect(describeError(Object.assign(new Error("spawn ENOMEM"), { errno: -12, code: "ENOMEM" }))).toMatchObject({
      code: "ENOMEM",
      message: "spawn ENOMEM",
    });
  });
});

describe("/metrics", () => {
  it("counts jobs, steps, chats and requests by route, in Prometheus' format", async () => {
    const t = setUp({ fake: { steps: 3 } });
    const { id } = (await (await t.post("/v1/jobs", { ...inline, maxSteps: 3 })).json()) as { id: string };
    await t.finish(id);
    const messages = [{ role: "user", content: "one two" }];
    await t.post("/v1/chat/completions", { model: "base", messages });
    await t.fetch("/v1/nowhere");
    const response = await t.fetch("/metrics");
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    const text = await response.text();
    const values = Object.fromEntries(
      text
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
    );
    expect(values).toMatchObject({
      'midrun_jobs{status="completed"}': 1,
      'midrun_jobs{status="queued"}': 0,
      midrun_training_steps_total: 3,
      'midrun_jobs_ended_total{type="completed"}': 1,
      midrun_generations_total: 1,
      midrun_prompt_tokens_total: 2,
      midrun_constraint_violations_total: 0,
      'midrun_http_request_duration_seconds_count{method="POST",route="/v1/jobs",status="200"}': 1,
      'midrun_http_request_duration_seconds_count{method="GET",route="/v1/jobs/:id/events",status="200"}': 1,
      'midrun_http_request_duration_seconds_count{method="POST",route="/v1/chat/completions",status="200"}': 1,
      'midrun_http_request_duration_seconds_count{method="GET",route="none",status="404"}': 1,
    });
    expect(values.process_resident_memory_bytes).toBeGreaterThan(1e6);
    expect(text).not.toContain(id);
  });

  it("shows the speed of a job while it runs", async () => {
    const t = setUp({ fake: { manual: true, steps: 3 } });
    const { id } = (await (await t.post("/v1/jobs", { ...inline, maxSteps: 3 })).json()) as { id: string };
    await t.runner.advance();
    const during = await t.metrics();
    expect(during).toContain(`midrun_training_loss{job="${id}"} 4`);
    expect(during).toContain('midrun_jobs{status="running"} 1');
    // The fake runner measures no speed: what was not measured is not told.
    expect(during).not.toContain("midrun_training_gflops{");
    await t.runner.advance(2);
    await t.finish(id);
    expect(await t.metrics()).not.toContain(id);
  });

  it("is each server's own", async () => {
    const [a, b] = [setUp(), setUp()];
    await a.fetch("/v1/jobs");
    expect(await a.metrics()).toContain('route="/v1/jobs"');
    expect(await b.metrics()).not.toContain('route="/v1/jobs"');
  });
});

describe("/healthz and /readyz", () => {
  it("say that the process lives, and whether it answers", async () => {
    const t = setUp();
    await t.app.ready;
    expect(await (await t.fetch("/healthz")).json()).toEqual({ status: "ok" });
    expect(await (await t.fetch("/readyz")).json()).toEqual({ status: "ready" });
    await t.close();
    apps.length = 0;
    expect((await t.fetch("/healthz")).status).toBe(200);
    const ended = await t.fetch("/readyz");
    expect([ended.status, await ended.json()]).toEqual([503, { status: "not ready", reason: "The server is ending." }]);
  });

  it("are not ready before the start has ended, nor when the store fails", async () => {
    const started = Promise.withResolvers<void>();
    const store = createMemoryStore();
    let fails = false;
    const t = setUp({
      store: {
        ...store,
        listJobs: async (...args) => started.promise.then(() => store.listJobs(...args)),
        countJobs: async () => (fails ? Promise.reject(new Error("gone")) : store.countJobs()),
      },
    });
    expect((await t.fetch("/readyz")).status).toBe(503);
    started.resolve();
    await t.app.ready;
    expect((await t.fetch("/readyz")).status).toBe(200);
    fails = true;
    expect((await t.fetch("/readyz")).status).toBe(503);
  });
});
