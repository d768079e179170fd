import { describe, expect, it } from "vitest";
import { readText } from "../client/read.ts";
import { collect } from "../client/scripted-fetch.ts";
import type { TrainerCallbacks } from "./callbacks.ts";
import { createTrainer } from "./create-trainer.ts";
import { cancelled, completed, failed, fakeJobServer, log, minimalInput, saved, started } from "./fake-job-server.ts";
import type { TrainerInput } from "./trainer-input.ts";

const wholeRun = [started, log(1), log(2), saved(2), log(3), completed];

/** A trainer whose callbacks write down their names and steps. */
function recorded(server: ReturnType<typeof fakeJobServer>, input: Partial<TrainerInput> = {}) {
  const told: string[] = [];
  const note = (name: string) => (context: object) =>
    void told.push("step" in context ? `${name} ${context.step}` : name);
  const callbacks: Partial<TrainerCallbacks> = {
    onStarted: note("started"),
    onLog: note("log"),
    onCheckpoint: note("checkpoint"),
    onCompleted: note("completed"),
    onFailed: note("failed"),
    onCancelled: note("cancelled"),
    ...input.callbacks,
  };
  const trainer = createTrainer({ ...minimalInput, ...input, callbacks }, { client: server.client });
  return { trainer, told };
}

const posts = ({ requests }: { requests: string[] }) =>
  requests.filter((request) => request === "POST /v1/jobs").length;

describe("start()", () => {
  it("submits once, also in parallel, and calls nobody", async () => {
    const server = fakeJobServer(wholeRun);
    const { trainer, told } = recorded(server);
    const [a, b] = await Promise.all([trainer.start(), trainer.start()]);
    expect([a, b, await trainer.start()]).toEqual([{ jobId: "job-1" }, { jobId: "job-1" }, { jobId: "job-1" }]);
    expect(server.requests).toEqual(["POST /v1/jobs"]);
    expect(told).toEqual([]);
  });

  it("can be tried again after a failure", async () => {
    const server = fakeJobServer(wholeRun);
    server.failCreate.push(() => Response.json({ error: { message: "no disk" } }, { status: 503 }));
    const { trainer } = recorded(server);
    await expect(trainer.start()).rejects.toMatchObject({ status: 503 });
    expect(await trainer.start()).toEqual({ jobId: "job-1" });
  });

  it("repeats the idempotency key when the first request may have arrived, and takes a new one after a refusal", async () => {
    const server = fakeJobServer(wholeRun);
    server.failCreate.push(
      () => Response.json({}, { status: 500 }),
      () => Response.json({}, { status: 400 }),
    );
    const { trainer } = recorded(server);
    await expect(trainer.start()).rejects.toMatchObject({ status: 500 });
    await expect(trainer.start()).rejects.toMatchObject({ status: 400 });
    await trainer.start();
    const [first, second, third] = server.idempotencyKeys;
    expect(first).toBeTruthy();
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it("sends the data fields alone", async () => {
    const server = fakeJobServer(wholeRun);
    await recorded(server, {
      maxSteps: 3,
      abortSignal: new AbortController().signal,
      cancelOnAbort: true,
    }).trainer.start();
    expect(server.bodies[0]).toEqual({ ...minimalInput, method: "sft", maxSteps: 3 });
  });

  it("makes the paths of files absolute", async () => {
    const server = fakeJobServer(wholeRun);
    const dataset = { type: "file", path: "data/train.jsonl" } as const;
    await recorded(server, {
      dataset,
      evalDataset: { type: "file", path: "/abs.jsonl" },
      model: "./base",
    }).trainer.start();
    expect(server.bodies[0]).toMatchObject({
      dataset: { type: "file", path: `${process.cwd()}/data/train.jsonl` },
      evalDataset: { type: "file", path: "/abs.jsonl" },
      model: `${process.cwd()}/base`,
    });
  });
});

describe("wait()", () => {
  it("starts, calls the callbacks in stream order, and resolves with the server's own record", async () => {
    const server = fakeJobServer(wholeRun);
    const { trainer, told } = recorded(server);
    expect(await trainer.wait()).toEqual({ job: server.job, artifacts: server.job.artifacts });
    expect(told).toEqual(["started", "log 1", "log 2", "checkpoint 2", "log 3", "completed"]);
  });

  it("gives the same result again and replays nothing", async () => {
    const server = fakeJobServer(wholeRun);
    const { trainer, told } = recorded(server);
    const [first, parallel] = await Promise.all([trainer.wait(), trainer.wait()]);
    const requests = server.requests.length;
    expect(await trainer.wait()).toBe(first);
    expect(parallel).toBe(first);
    expect(told).toHaveLength(6);
    expect(server.requests).toHaveLength(requests);
  });

  it("awaits each callback before the next event", async () => {
    const server = fakeJobServer([started, log(1), log(2), completed]);
    const gate = Promise.withResolvers<void>();
    const entered: number[] = [];
    const onLog = async ({ step }: { step: number }) => {
      entered.push(step);
      if (step === 1) await gate.promise;
    };
    const done = recorded(server, { callbacks: { onLog } }).trainer.wait();
    await expect.poll(() => entered).toEqual([1]);
    gate.resolve();
    await done;
    expect(entered).toEqual([1, 2]);
  });

  it("calls nobody twice across dropped connections", async () => {
    const server = fakeJobServer(wholeRun, { dropAfter: [1, 3, 4] });
    const { trainer, told } = recorded(server);
    await trainer.wait();
    expect(told).toEqual(["started", "log 1", "log 2", "checkpoint 2", "log 3", "completed"]);
    expect(server.cursors).toEqual([null, "1", "3", "4"]);
  });

  it.each([
    ["failed", failed, "failed 2"],
    ["cancelled", cancelled, "cancelled"],
  ] as const)("resolves for a %s job", async (status, event, call) => {
    const server = fakeJobServer([started, log(1), event]);
    const { trainer, told } = recorded(server);
    expect((await trainer.wait()).job).toMatchObject({ status, error: server.job.error });
    expect(told).toEqual(["started", "log 1", call]);
  });

  it("tells the moment's own job to each callback, and the record to the last", async () => {
    const server = fakeJobServer(wholeRun);
    const jobs: unknown[] = [];
    const note = ({ job }: { job: unknown }) => void jobs.push(job);
    await recorded(server, {
      callbacks: { onStarted: note, onLog: note, onCheckpoint: note, onCompleted: note },
    }).trainer.wait();
    expect(jobs).toMatchObject([
      { status: "running", step: 0, totalSteps: 4, artifacts: [] },
      { status: "running", step: 1, metrics: { loss: 1 } },
      { status: "running", step: 2 },
      { status: "running", step: 2, artifacts: [{ kind: "checkpoint", step: 2 }] },
      { status: "running", step: 3 },
      server.job,
    ]);
  });

  it("says null for a metric that was not computed", async () => {
    const server = fakeJobServer([log(2), completed]);
    const logs: object[] = [];
    await recorded(server, {
      callbacks: { onLog: ({ job: _, ...metrics }) => void logs.push(metrics) },
    }).trainer.wait();
    expect(logs).toEqual([
      {
        step: 2,
        totalSteps: null,
        loss: 0.5,
        evalLoss: null,
        evalAccuracy: null,
        learningRate: null,
        epoch: null,
        samplesPerSecond: null,
        tokensPerSecond: null,
        gradNorm: null,
        accuracy: null,
        gflops: null,
        mfu: null,
        paddingShare: null,
        supervisedShare: null,
      },
    ]);
  });

  it("gives what failed to onFailed and what was made to onCompleted", async () => {
    const seen: object[] = [];
    const onFailed: TrainerCallbacks["onFailed"] = ({ job: _, ...rest }) => void seen.push(rest);
    const onCompleted: TrainerCallbacks["onCompleted"] = ({ job: _, ...rest }) => void seen.push(rest);
    await recorded(fakeJobServer([failed]), { callbacks: { onFailed } }).trainer.wait();
    await recorded(fakeJobServer([completed]), { callbacks: { onCompleted } }).trainer.wait();
    expect(seen).toEqual([
      { error: (failed as { error: object }).error, step: 2 },
      { artifacts: [], metrics: null },
    ]);
  });
});

describe("a callback that throws", () => {
  it.each([
    [
      "throws",
      (error: Error) => {
        throw error;
      },
    ],
    ["rejects", (error: Error) => Promise.reject(error)],
  ])("ends wait() with that very error when it %s: no reconnect, no onFailed, the job goes on", async (_, fail) => {
    const server = fakeJobServer(wholeRun);
    const error = new TypeError("fetch failed"); // looks like a broken connection, and is none
    const { trainer, told } = recorded(server, { callbacks: { onCheckpoint: () => fail(error) as never } });
    await expect(trainer.wait()).rejects.toBe(error);
    expect(told).toEqual(["started", "log 1", "log 2"]);
    expect(server.requests).not.toContain("POST /v1/jobs/job-1/cancel");
    expect(server.cursors).toEqual([null]);
  });

  it("does not repeat itself: a later wait() continues after that event", async () => {
    const server = fakeJobServer(wholeRun);
    const { trainer, told } = recorded(server, {
      callbacks: {
        onCheckpoint: () => {
          throw new Error("once");
        },
      },
    });
    await expect(trainer.wait()).rejects.toThrow("once");
    expect((await trainer.wait()).job.status).toBe("completed");
    expect(told).toEqual(["started", "log 1", "log 2", "log 3", "completed"]);
    expect(posts(server)).toBe(1);
  });
});

describe("abortSignal", () => {
  const reason = new Error("enough");

  it("already aborted: no job is made", async () => {
    const server = fakeJobServer(wholeRun);
    const { trainer } = recorded(server, { abortSignal: AbortSignal.abort(reason), cancelOnAbort: true });
    await expect(trainer.start()).rejects.toBe(reason);
    await expect(trainer.wait()).rejects.toBe(reason);
    expect(server.requests).toEqual([]);
  });

  it("ends wait() and leaves the job alone", async () => {
    const server = fakeJobServer([started, log(1)], { ending: "hang" });
    const aborter = new AbortController();
    const onLog = () => aborter.abort(reason);
    const { trainer } = recorded(server, { abortSignal: aborter.signal, callbacks: { onLog } });
    await expect(trainer.wait()).rejects.toBe(reason);
    expect(server.requests.filter((request) => request.endsWith("/cancel"))).toEqual([]);
  });

  it("ends wait() even inside a callback that hangs", async () => {
    const server = fakeJobServer([started], { ending: "hang" });
    const aborter = new AbortController();
    const onStarted = () => {
      queueMicrotask(() => aborter.abort(reason));
      return new Promise<void>(() => undefined);
    };
    const { trainer } = recorded(server, { abortSignal: aborter.signal, callbacks: { onStarted } });
    await expect(trainer.wait()).rejects.toBe(reason);
  });

  it("with cancelOnAbort also cancels the job, once, before wait() rejects", async () => {
    const server = fakeJobServer([started], { ending: "hang" });
    const aborter = new AbortController();
    const onStarted = () => aborter.abort(reason);
    const { trainer } = recorded(server, {
      abortSignal: aborter.signal,
      cancelOnAbort: true,
      callbacks: { onStarted },
    });
    await expect(trainer.wait()).rejects.toBe(reason);
    expect(server.requests.filter((request) => request.endsWith("/cancel"))).toEqual(["POST /v1/jobs/job-1/cancel"]);
  });

  it("with cancelOnAbort cancels a job that nobody waits for", async () => {
    const server = fakeJobServer([started], { ending: "hang" });
    const aborter = new AbortController();
    await recorded(server, { abortSignal: aborter.signal, cancelOnAbort: true }).trainer.start();
    aborter.abort(reason);
    await expect.poll(() => server.requests).toContain("POST /v1/jobs/job-1/cancel");
  });

  it("with cancelOnAbort cancels a job whose creation was under way", async () => {
    const server = fakeJobServer([started], { ending: "hang" });
    const aborter = new AbortController();
    const { trainer } = recorded(server, { abortSignal: aborter.signal, cancelOnAbort: true });
    const waiting = trainer.wait();
    await expect.poll(() => server.requests).toContain("POST /v1/jobs");
    aborter.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(server.requests).toContain("POST /v1/jobs/job-1/cancel");
  });
});

describe("infer", () => {
  it("is bound to the checkpoint it came with, also later", async () => {
    const server = fakeJobServer([saved(2), saved(4), completed]);
    const checkpoints: { step: number; adapter: unknown; infer: (args: never) => Promise<Response> }[] = [];
    await recorded(server, { callbacks: { onCheckpoint: (context) => void checkpoints.push(context) } }).trainer.wait();
    const ask = { messages: [{ role: "user", content: "ping" }], stream: false } as never;
    expect(await readText(await checkpoints[0]!.infer(ask))).toBe("pong");
    expect(checkpoints.map(({ adapter }) => adapter)).toEqual([
      { kind: "checkpoint", jobId: "job-1", step: 2 },
      { kind: "checkpoint", jobId: "job-1", step: 4 },
    ]);
    expect(server.bodies.at(-1)).toMatchObject({ adapter: { kind: "checkpoint", jobId: "job-1", step: 2 } });
  });
});

describe("the other methods", () => {
  it.each(["cancel", "pause", "resume"] as const)("%s() asks the server", async (command) => {
    const server = fakeJobServer(wholeRun);
    const { trainer } = recorded(server);
    await trainer.start();
    expect(await trainer[command]()).toMatchObject({ id: "job-1" });
    expect(server.requests.at(-1)).toBe(`POST /v1/jobs/job-1/${command}`);
  });

  it.each(["cancel", "pause", "resume"] as const)("%s() without a job says so and makes none", async (command) => {
    const server = fakeJobServer(wholeRun);
    await expect(recorded(server).trainer[command]()).rejects.toMatchObject({ code: "invalid_state" });
    expect(server.requests).toEqual([]);
  });

  it("events() starts, gives every event, calls nobody", async () => {
    const server = fakeJobServer(wholeRun);
    const { trainer, told } = recorded(server);
    const events = await collect(trainer.events());
    expect(events.map(({ type }) => type)).toEqual(wholeRun.map(({ type }) => type));
    expect(told).toEqual([]);
    expect(posts(server)).toBe(1);
  });

  it("attach() waits for a job that exists, from its first event or after one", async () => {
    const server = fakeJobServer(wholeRun);
    const whole = recorded(server);
    await whole.trainer.attach("job-1").wait();
    expect(whole.told).toHaveLength(6);

    const rest = recorded(server);
    const { job } = await rest.trainer.attach("job-1", { after: 4 }).wait();
    expect(job).toEqual(server.job);
    expect(rest.told).toEqual(["log 3", "completed"]);

    const over = recorded(server);
    expect((await over.trainer.attach("job-1", { after: 5 }).wait()).job.status).toBe("completed");
    expect(posts(server)).toBe(0);
  });

  it("attach() after start() is refused", async () => {
    const { trainer } = recorded(fakeJobServer(wholeRun));
    await trainer.start();
    expect(() => trainer.attach("job-2")).toThrow(expect.objectContaining({ code: "invalid_state" }));
  });
});

describe("construction", () => {
  it("asks nobody", () => {
    const server = fakeJobServer(wholeRun);
    expect(recorded(server).trainer.name).toBe("run");
    expect(server.requests).toEqual([]);
  });
});
