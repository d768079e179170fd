/** Weights & Biases and MLflow, each played by a small server on a loopback port that keeps what it is told. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Job, JobSpecInput } from "../../protocol/job.ts";
import { createTestApp, type TestApp } from "../../testing.ts";
import { createMemoryStore } from "../stores/memory.ts";
import { type Reporting, reportingOf } from "./reporting.ts";

interface Asked {
  method: string;
  path: string;
  authorization: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: whatever a client sent
  body: any;
}
type Answer = (asked: Asked) => { status?: number; body: unknown } | undefined;

const servers: Server[] = [];
const apps: TestApp[] = [];
afterEach(async () => {
  for (const { close } of apps.splice(0)) await close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text === "" ? null : JSON.parse(text);
}

async function standIn(answer: Answer) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    const one = { method, path: url, authorization: headers.authorization, body: await readBody(request) };
    asked.push(one);
    const { status = 200, body } = answer(one) ?? { status: 404, body: { error_code: "ENDPOINT_NOT_FOUND" } };
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

function setUp(reporting: Reporting, options: Parameters<typeof createTestApp>[0] = {}) {
  const test = createTestApp({ reporting, ...options });
  apps.push(test);
  const post = (spec: Partial<JobSpecInput>) => {
    const body = { name: "run", model: "base", dataset: { type: "inline", rows: [{}] }, ...spec };
    return test.fetch("/v1/jobs", { method: "POST", body: JSON.stringify(body) });
  };
  const finished = async (spec: Partial<JobSpecInput>) => {
    const { id } = (await (await post(spec)).json()) as Job;
    await (await test.fetch(`/v1/jobs/${id}/events`, { headers: { accept: "text/event-stream" } })).text();
    return id;
  };
  return { ...test, post, finished };
}

/** An MLflow tracking server with one run at most. */
function mlflow() {
  const state = { experiment: false, run: null as { tags: { key: string; value: string }[] } | null };
  const run = { info: { run_id: "r1" } };
  const answers: Record<string, (body: Asked["body"]) => ReturnType<Answer>> = {
    "experiments/get-by-name": () =>
      state.experiment
        ? { body: { experiment: { experiment_id: "7" } } }
        : { status: 404, body: { error_code: "RESOURCE_DOES_NOT_EXIST" } },
    "experiments/create": () => {
      state.experiment = true;
      return { body: { experiment_id: "7" } };
    },
    "runs/search": ({ filter }) => {
      const wanted = /^tags\.`midrun\.job_id` = '(.+)'$/.exec(filter)?.[1];
      return { body: state.run?.tags.some(({ value }) => value === wanted) ? { runs: [run] } : {} };
    },
    "runs/create": (body) => {
      state.run = body;
      return { body: { run } };
    },
    "runs/log-batch": () => ({ body: {} }),
    "runs/update": () => ({ body: {} }),
  };
  const nameOf = (path: string) => /^\/api\/2\.0\/mlflow\/([^?]+)/.exec(path)?.[1] ?? "";
  const answer: Answer = ({ path, body }) => answers[nameOf(path)]?.(body);
  return { answer, nameOf };
}

describe("MLflow", () => {
  it("gets the run, its metrics by step, and its end", async () => {
    const { answer, nameOf } = mlflow();
    const { url, asked } = await standIn(answer);
    const { finished, clock, errors } = setUp({ mlflow: { trackingUri: `${url}/`, token: "mlf-secret" } });
    const id = await finished({ reportTo: { mlflow: { experiment: "support" } } });
    clock.advance(2000);
    await expect
      .poll(() => asked.map(({ path }) => nameOf(path)))
      .toEqual([
        "experiments/get-by-name",
        "experiments/create",
        "runs/search",
        "runs/create",
        "runs/log-batch",
        "runs/update",
      ]);
    expect(asked.every(({ authorization }) => authorization === "Bearer mlf-secret")).toBe(true);
    expect(asked[3]!.body).toMatchObject({ experiment_id: "7", run_name: "run", tags: [{ value: id }] });
    const { run_id, metrics } = asked[4]!.body;
    expect(run_id).toBe("r1");
    const losses = metrics.filter(({ key }: { key: string }) => key === "train/loss");
    expect(losses).toEqual(
      [4, 2, 4 / 3, 1].map((value, i) => ({ key: "train/loss", value, timestamp: Date.UTC(2026, 0, 1), step: i + 1 })),
    );
    expect(asked[5]!.body).toMatchObject({ run_id: "r1", status: "FINISHED" });
    expect(errors).toEqual([]);
  });

  it("goes on with the same run after a restart", async () => {
    const { answer, nameOf } = mlflow();
    const { url, asked } = await standIn(answer);
    const store = { ...createMemoryStore(), close: async () => {} };
    const disk = new Map<string, number>();
    const reporting = { mlflow: { trackingUri: url } };
    const first = setUp(reporting, { store, fake: { manual: true, disk } });
    await first.post({ reportTo: { mlflow: { experiment: "support" } } });
    await first.runner.advance(2);
    await first.close();
    const second = setUp(reporting, { store, fake: { disk } });
    await second.app.ready;
    await expect
      .poll(() => {
        second.clock.advance(2000);
        return asked.at(-1)!.path;
      })
      .toContain("runs/update");
    expect(asked.filter(({ path }) => nameOf(path) === "runs/create")).toHaveLength(1);
  });
});

/** W&B's two endpoints, with the lines of one run. */
function wandb(lines: string[] = []) {
  const answer: Answer = ({ path, body }) => {
    if (path === "/graphql" && body.query.includes("upsertBucket")) {
      const { name, project } = body.variables;
      return {
        body: { data: { upsertBucket: { bucket: { name, project: { name: project, entity: { name: "me" } } } } } },
      };
    }
    if (path === "/graphql") return { body: { data: { model: { bucket: { historyLineCount: lines.length } } } } };
    if (!path.endsWith("/file_stream")) return undefined;
    const history = body.files?.["wandb-history.jsonl"];
    if (history) lines.splice(history.offset, history.content.length, ...history.content);
    return { body: {} };
  };
  return { answer, lines };
}

/** The last request, once some more time has passed. */
function later(clock: TestApp["clock"], asked: Asked[]) {
  clock.advance(2000);
  return asked.at(-1)?.body ?? {};
}

const reportTo = { wandb: { project: "support", tags: ["night"] } };

describe("Weights & Biases", () => {
  it("gets the run, a line for each step, and its end", async () => {
    const { answer, lines } = wandb();
    const { url, asked } = await standIn(answer);
    const { finished, clock, errors } = setUp({ wandb: { apiKey: "wb-secret", baseURL: url } });
    const id = await finished({ reportTo });
    await expect.poll(() => later(clock, asked).complete).toBe(true);
    expect(asked.every(({ authorization }) => authorization === `Basic ${btoa("api:wb-secret")}`)).toBe(true);
    expect(asked[0]!.body.variables).toMatchObject({
      name: id,
      project: "support",
      displayName: "run",
      tags: ["night"],
    });
    expect(asked.at(-1)).toMatchObject({ path: `/files/me/support/${id}/file_stream`, body: { exitcode: 0 } });
    const history = lines.map((line) => JSON.parse(line) as Record<string, number>);
    expect(history.map((line) => [line._step, line["train/loss"]])).toEqual([
      [1, 4],
      [2, 2],
      [3, 4 / 3],
      [4, 1],
    ]);
    expect(errors).toEqual([]);
  });

  it("does not send again what an earlier server start had sent", async () => {
    const { answer, lines } = wandb(["sent", "sent"]);
    const { url, asked } = await standIn(answer);
    const { finished, clock } = setUp({ wandb: { apiKey: "k", baseURL: url } });
    await finished({ reportTo });
    await expect.poll(() => later(clock, asked).complete).toBe(true);
    expect(lines.slice(0, 2)).toEqual(["sent", "sent"]);
    expect(lines.slice(2).map((line) => JSON.parse(line)._step)).toEqual([3, 4]);
  });

  it("down or refusing, it fails no training, and its key is in no message", async () => {
    const key = "wb-very-secret";
    const { url } = await standIn(({ authorization }) => ({
      status: 401,
      body: `not with ${authorization} or ${key}`,
    }));
    const { finished, clock, store, errors } = setUp({ wandb: { apiKey: key, baseURL: url } });
    const id = await finished({ reportTo });
    await expect
      .poll(
        () => {
          clock.advance(60_000);
          return errors.map((error) => (error as Error).message).at(-1) ?? "";
        },
        { timeout: 30_000 },
      )
      .toMatch(/Weights & Biases was told nothing after event/);
    expect((await store.getJob(id))!.status).toBe("completed");
    const told = JSON.stringify([errors.map(String), await store.listEvents(id, { after: 0, limit: 100 })]);
    expect(told).toContain("401");
    expect(told).not.toContain(key);
    expect(told).not.toContain(btoa(`api:${key}`));
  });
});

describe("reporting", () => {
  it("tells nobody of a job that does not ask for it", async () => {
    const { url, asked } = await standIn(() => ({ body: {} }));
    const { finished, clock, close } = setUp({ wandb: { apiKey: "k", baseURL: url }, mlflow: { trackingUri: url } });
    await finished({});
    clock.advance(10_000);
    await close();
    expect(asked).toEqual([]);
  });

  it("refuses a job that asks for a service which this server is not set up for", async () => {
    const { post } = setUp({});
    const response = await post({ reportTo: { mlflow: { experiment: "support" } } });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { code: string; param: string; message: string } };
    expect(error).toMatchObject({ code: "invalid_config", param: "reportTo.mlflow" });
    expect(error.message).toContain("MLFLOW_TRACKING_URI");
  });

  it("reads the variables that the services' own clients read", () => {
    expect(reportingOf({})).toEqual({});
    expect(reportingOf({ MLFLOW_TRACKING_URI: "./mlruns" })).toEqual({});
    expect(
      reportingOf({ WANDB_API_KEY: "a", MLFLOW_TRACKING_URI: "https://mlflow.example", MLFLOW_TRACKING_USERNAME: "u" }),
    ).toEqual({ wandb: { apiKey: "a" }, mlflow: { trackingUri: "https://mlflow.example", username: "u" } });
  });
});
