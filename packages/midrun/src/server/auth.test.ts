import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobSpec } from "../protocol/job.ts";
import { createTestApp, type TestApp } from "../testing.ts";
import { createRoutes } from "./all-routes.ts";
import { createKeyService, type KeyService } from "./keys.ts";
import { toCheckpointName } from "./model-name.ts";
import { chatRows, toJsonl } from "./testing-openai.ts";

let t: TestApp;
let keys: KeyService;
beforeEach(() => {
  t = createTestApp({ fake: { steps: 2 } });
  keys = createKeyService({ records: t.store });
});
afterEach(async () => {
  await t.close();
  expect(t.errors).toEqual([]);
});

/** Every route there is, as the server declares them. */
const routes = (() => {
  const app = createTestApp();
  const declared = createRoutes({ clock: app.clock, modelAliases: {} } as never).routes;
  const named = declared.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`);
  return [...new Set(named)].map((name) => name.split(" ") as [string, string]);
})();

const spec = { name: "their-run", model: "base", dataset: { type: "inline", rows: [{ text: "a" }] } };

async function ask(method: string, path: string, { key, body }: { key?: string; body?: unknown } = {}) {
  const response = await t.fetch(path, {
    method,
    headers: { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
}

const pathOf = (pattern: string, value: (name: string) => string) =>
  pattern.replace(/:(\w+)(\{[^}]*\})?/g, (_, name: string) => encodeURIComponent(value(name)));

describe("a server with keys", () => {
  it("knows routes worth guarding", () => {
    expect(routes.length).toBeGreaterThan(35);
  });

  it.each(routes)("%s %s lets nobody in without a valid key", async (method, pattern) => {
    const revoked = await keys.create();
    await keys.revoke(revoked.key.id);
    const path = pathOf(pattern, () => "x");
    const missing = await ask(method, path);
    expect(missing.status).toBe(401);
    expect(missing.headers.get("www-authenticate")).toBe("Bearer");
    expect(missing.headers.get("x-request-id")).toMatch(/^req_/);
    expect(missing.json()).toEqual({
      error: { message: expect.any(String), type: "invalid_request_error", param: null, code: null },
    });
    for (const key of ["sk-wrong", `${revoked.secret.slice(0, -1)}_`, revoked.secret]) {
      const wrong = await ask(method, path, { key });
      expect(wrong.status).toBe(401);
      expect(wrong.json()).toMatchObject({ error: { type: "invalid_request_error", code: "invalid_api_key" } });
      expect(wrong.text).not.toContain(key);
    }
  });

  it("refuses other schemes, and answers the one that is right whatever its case", async () => {
    const { secret } = await keys.create();
    const statusOf = async (authorization: string) =>
      (await t.fetch("/v1/jobs", { headers: { authorization } })).status;
    expect(await statusOf(`Basic ${secret}`)).toBe(401);
    expect(await statusOf(secret)).toBe(401);
    expect(await statusOf(`Bearer ${secret} ${secret}`)).toBe(401);
    expect(await statusOf("Bearer")).toBe(401);
    expect(await statusOf(`bearer ${secret}`)).toBe(200);
  });

  it("revokes from one request to the next, and never opens again", async () => {
    const { key, secret } = await keys.create();
    expect((await ask("GET", "/v1/jobs", { key: secret })).status).toBe(200);
    await keys.revoke(key.id);
    expect((await ask("GET", "/v1/jobs", { key: secret })).status).toBe(401);
    expect((await ask("GET", "/v1/jobs")).status).toBe(401);
  });

  it("lets everybody see that it is up, and only who has a key its metrics", async () => {
    const { secret } = await keys.create();
    expect((await ask("GET", "/healthz")).status).toBe(200);
    expect((await ask("GET", "/readyz")).status).toBe(200);
    expect((await ask("GET", "/metrics")).status).toBe(401);
    expect((await ask("GET", "/metrics", { key: secret })).status).toBe(200);
  });
});

describe("a server without keys", () => {
  it("asks for none until one is made; what was made before belongs to the default project", async () => {
    expect((await ask("POST", "/v1/jobs", { body: spec })).status).toBe(200);
    const { secret } = await keys.create();
    expect((await ask("GET", "/v1/jobs")).status).toBe(401);
    expect((await ask("GET", "/v1/jobs", { key: secret })).json().data).toHaveLength(1);
    const other = await keys.create({ project: "other" });
    expect((await ask("GET", "/v1/jobs", { key: other.secret })).json().data).toEqual([]);
  });

  it("can be told to ask always, or never", async () => {
    const strict = createTestApp({ auth: "required" });
    expect((await strict.fetch("/v1/jobs")).status).toBe(401);
    const open = createTestApp({ auth: "off" });
    const { secret } = await createKeyService({ records: open.store }).create({ project: "other" });
    expect((await open.fetch("/v1/jobs")).status).toBe(200);
    expect((await open.fetch("/v1/jobs", { headers: { authorization: `Bearer ${secret}` } })).status).toBe(200);
    await Promise.all([strict.close(), open.close()]);
  });
});

describe("a project", () => {
  /** Everything that there can be, made by one project, and a key of another. */
  async function setUp() {
    const [mine, theirs] = [await keys.create({ project: "mine" }), await keys.create({ project: "theirs" })];
    const as = (key: string) => (method: string, path: string, body?: unknown) =>
      ask(method, path, { key, ...(body === undefined ? {} : { body }) });
    const owner = as(mine.secret);
    const stranger = as(theirs.secret);
    const job = (await owner("POST", "/v1/jobs", spec)).json();
    await owner("GET", `/v1/jobs/${job.id}/events`);
    await waitForEnd(mine.secret, job.id);
    const form = new FormData();
    form.set("purpose", "fine-tune");
    form.set("file", new File([toJsonl(chatRows())], "secret.jsonl"));
    const upload = await t.fetch("/v1/files", {
      method: "POST",
      headers: { authorization: `Bearer ${mine.secret}` },
      body: form,
    });
    const file = (await upload.json()) as { id: string };
    const pending = (
      await owner("POST", "/v1/uploads", { filename: "a", purpose: "fine-tune", bytes: 3, mime_type: "text/plain" })
    ).json();
    const messages = [{ role: "user", content: "secret question" }];
    const chat = (await owner("POST", "/v1/chat/completions", { model: "base", messages, store: true })).json();
    const record = (await t.store.getJob(job.id))!;
    return { owner, stranger, job, file, pending, chat, messages, model: record.modelName, keys: { mine, theirs } };
  }

  async function waitForEnd(key: string, jobId: string) {
    const response = await t.fetch(`/v1/jobs/${jobId}/events`, {
      headers: { authorization: `Bearer ${key}`, accept: "text/event-stream" },
    });
    await response.text();
  }

  type World = Awaited<ReturnType<typeof setUp>>;
  /** What stands for a parameter of a route, by the beginning of its path. */
  const targets: [prefix: string, (world: World) => string][] = [
    ["/v1/jobs", ({ job }) => job.id],
    ["/v1/fine_tuning/jobs", ({ job }) => job.id],
    ["/v1/fine_tuning/checkpoints", ({ model }) => toCheckpointName(model, 2)],
    ["/v1/files", ({ file }) => file.id],
    ["/v1/uploads", ({ pending }) => pending.id],
    ["/v1/models", ({ model }) => model],
    ["/v1/chat/completions", ({ chat }) => chat.id],
  ];
  const bodies: Record<string, unknown> = {
    "/v1/fine_tuning/checkpoints/:checkpoint{.+}/permissions": { project_ids: ["proj-x"] },
    "/v1/uploads/:id/complete": { part_ids: ["part"] },
    "/v1/chat/completions/:id": { metadata: { a: "b" } },
  };
  const withParameters = routes.filter(([, pattern]) => pattern.includes(":"));

  it.each(withParameters)(
    "%s %s does not find what another one owns, and changes nothing of it",
    async (method, pattern) => {
      const world = await setUp();
      const [, target] = targets.find(([prefix]) => pattern.startsWith(prefix))!;
      const path = pathOf(pattern, () => target(world));
      const before = await t.store.getJob(world.job.id);
      const events = await t.store.listEvents(world.job.id, { after: 0, limit: 100 });
      const refused = await world.stranger(method, path, method === "POST" ? (bodies[pattern] ?? {}) : undefined);
      const sameForNothing = await world.stranger(
        method,
        pathOf(pattern, () => "ft:x:midrun:y:12345678:ckpt-step-2"),
        method === "POST" ? (bodies[pattern] ?? {}) : undefined,
      );
      const isForm = pattern === "/v1/uploads/:id/parts";
      expect(refused.status, refused.text).toBe(isForm ? 400 : 404);
      expect(refused.status).toBe(sameForNothing.status);
      expect(refused.text).not.toMatch(/secret/);
      expect(await t.store.getJob(world.job.id)).toEqual(before);
      expect(await t.store.listEvents(world.job.id, { after: 0, limit: 100 })).toEqual(events);
      expect((await world.owner("GET", `/v1/files/${world.file.id}`)).status).toBe(200);
      expect((await world.owner("GET", `/v1/chat/completions/${world.chat.id}`)).status).toBe(200);
      expect((await world.owner("GET", `/v1/models/${encodeURIComponent(world.model)}`)).status).toBe(200);
    },
  );

  it.each(["/v1/jobs", "/v1/fine_tuning/jobs", "/v1/files", "/v1/chat/completions", "/v1/models"])(
    "%s lists what is its own",
    async (path) => {
      const { owner, stranger } = await setUp();
      expect((await owner("GET", path)).json().data.length).toBeGreaterThan(0);
      const { data } = (await stranger("GET", path)).json();
      expect(data).toEqual([]);
    },
  );

  it("asks no model, uses no file and continues no run of another one", async () => {
    const { owner, stranger, job, file, messages, model } = await setUp();
    const ckpt = toCheckpointName(model, 2);
    const upload = (fileId: string): JobSpec["dataset"] => ({ type: "upload", fileId });
    const attempts: [string, unknown][] = [
      ["/v1/chat/completions", { model, messages }],
      ["/v1/chat/completions", { model: ckpt, messages }],
      ["/v1/inference/chat", { adapter: { kind: "final", jobId: job.id }, messages }],
      ["/v1/inference/chat", { adapter: { kind: "checkpoint", jobId: job.id, step: 2 }, messages }],
      ["/v1/jobs", { ...spec, model }],
      ["/v1/jobs", { ...spec, dataset: upload(file.id) }],
      ["/v1/jobs", { ...spec, evalDataset: upload(file.id) }],
      ["/v1/fine_tuning/jobs", { model: "base", training_file: file.id }],
      ["/v1/jobs", { ...spec, dataset: { type: "file", path: "/midrun-test/midrun.db" } }],
      ["/v1/jobs", { ...spec, dataset: { type: "file", path: `/midrun-test/jobs/${job.id}/x.jsonl` } }],
      ["/v1/jobs", { ...spec, dataset: { type: "files", paths: ["/midrun-test/files/../keys.db"] } }],
      ["/v1/jobs", { ...spec, model: `/midrun-test/jobs/${job.id}/model` }],
      ["/v1/chat/completions", { model: `/midrun-test/jobs/${job.id}/model`, messages }],
    ];
    for (const [path, body] of attempts) {
      const refused = await stranger("POST", path, body);
      expect([400, 404], `${path} ${JSON.stringify(body)} ${refused.text}`).toContain(refused.status);
    }
    expect((await stranger("GET", "/v1/jobs")).json().data).toEqual([]);
    for (const [path, body] of attempts.slice(0, 5)) {
      expect((await owner("POST", path, body)).status, path).toBe(200);
    }
  });

  it("may use the idempotency keys of others as its own", async () => {
    const { keys: both } = await setUp();
    const create = async (key: string) => {
      const response = await t.fetch("/v1/jobs", {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "idempotency-key": "same" },
        body: JSON.stringify(spec),
      });
      return ((await response.json()) as { id: string }).id;
    };
    const [a, b] = [await create(both.mine.secret), await create(both.theirs.secret)];
    expect(a).not.toBe(b);
    expect(await create(both.mine.secret)).toBe(a);
    expect(await create(both.theirs.secret)).toBe(b);
  });
});
