import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { MidrunError } from "../errors.ts";
import type { JobEvent } from "../protocol/event.ts";
import type { JobSpec, JobStatus } from "../protocol/job.ts";
import { createEventLog } from "./event-log.ts";
import { createManualClock } from "./manual-clock.ts";
import { createFakeRunner, type FakeRunner, type FakeRunnerOptions } from "./runners/fake.ts";
import { createScheduler, type SchedulerOptions } from "./scheduler.ts";
import type { JobRecord, Store } from "./store.ts";
import { exampleSpec } from "./stores/conformance.ts";
import { createMemoryStore } from "./stores/memory.ts";
import type { Command } from "./transitions.ts";

const spec = (overrides: Partial<JobSpec> = {}): JobSpec => ({ ...exampleSpec, ...overrides });

async function collect(events: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  const seen: JobEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

interface Setup extends Partial<SchedulerOptions> {
  runner?: FakeRunner;
  fake?: FakeRunnerOptions;
}

/** A started scheduler over a store in memory, and what a test asks of it. */
async function setUp({ fake, runner = createFakeRunner(fake), store = createMemoryStore(), ...options }: Setup = {}) {
  const errors: unknown[] = [];
  const log = createEventLog(store);
  const clock = createManualClock();
  const jobDirOf = (jobId: string) => `/data/jobs/${jobId}`;
  const onError = (error: unknown) => errors.push(error);
  const scheduler = createScheduler({
    store,
    log,
    runners: { embedded: runner },
    jobDirOf,
    clock,
    onError,
    ...options,
  });
  await scheduler.start();
  const statusOf = async (id: string) => (await store.getJob(id))?.status;
  const eventsOf = (id: string) => store.listEvents(id, { after: 0, limit: 10_000 });
  const typesOf = async (id: string) => (await eventsOf(id)).map(({ type }) => type.replace(/^training\./, ""));
  /** The job's events up to the first of this type. */
  async function until(id: string, type: JobEvent["type"], after = 0): Promise<JobEvent[]> {
    const seen: JobEvent[] = [];
    for await (const event of log.follow(id, { after })) {
      seen.push(event);
      if (event.type === type) return seen;
    }
    throw new Error(`${type} never came: ${seen.map((event) => event.type)}`);
  }
  const submit = async (overrides?: Partial<JobSpec>) => (await scheduler.submit(spec(overrides))).id;
  return { scheduler, store, log, clock, runner, errors, submit, statusOf, eventsOf, typesOf, until };
}

describe("a job that names a fine-tuned model", () => {
  async function setUpRecorded() {
    const fake = createFakeRunner({ steps: 4, saveSteps: 2 });
    const starts: { model: string; initialAdapterDir: string | null | undefined }[] = [];
    const preflights: string[] = [];
    const runner: FakeRunner = Object.assign(Object.create(fake), {
      preflight: async ({ model }: JobSpec) => void preflights.push(model),
      train(...[job, place, onEvent]: Parameters<FakeRunner["train"]>) {
        starts.push({ model: job.model, initialAdapterDir: place.initialAdapterDir });
        return fake.train(job, place, onEvent);
      },
    });
    const context = await setUp({ runner });
    const first = await context.submit({ model: "base" });
    await context.until(first, "training.completed");
    const { modelName } = (await context.store.getJob(first))!;
    return { ...context, starts, preflights, first, modelName };
  }

  it.each([
    ["its result", "", "adapter"],
    ["one of its checkpoints", ":ckpt-step-2", "checkpoints/step-000002"],
  ])("trains its base model on from %s", async (_, suffix, path) => {
    const { submit, until, store, starts, preflights, first, modelName } = await setUpRecorded();
    const second = await submit({ model: modelName + suffix });
    await until(second, "training.completed");
    expect(starts).toEqual([
      { model: "base", initialAdapterDir: null },
      { model: "base", initialAdapterDir: `/data/jobs/${first}/${path}` },
    ]);
    expect(preflights).toEqual(["base", "base"]);
    const job = await store.getJob(second);
    expect(job).toMatchObject({ model: "base", spec: { model: modelName + suffix } });
    expect(job!.modelName).toMatch(/^ft:base:midrun:/);
  });

  it("trains a fully fine-tuned model on as the model it is", async () => {
    const { submit, until, store, starts } = await setUpRecorded();
    const whole = await submit({ model: "base", lora: false });
    await until(whole, "training.completed");
    const next = await submit({ model: (await store.getJob(whole))!.modelName });
    await until(next, "training.completed");
    expect(starts.at(-1)).toEqual({ model: `/data/jobs/${whole}/adapter`, initialAdapterDir: null });
  });

  it("is refused when there is no such model", async () => {
    const { submit, starts } = await setUpRecorded();
    await expect(submit({ model: "ft:base:midrun:run:abcdefgh" })).rejects.toMatchObject({ code: "model_not_found" });
    expect(starts).toHaveLength(1);
  });
});

describe("a job", () => {
  it("goes from queued over running to completed, and keeps what its runner told", async () => {
    const { submit, until, store } = await setUp({ fake: { steps: 3, saveSteps: 2 } });
    const id = await submit();
    const events = await until(id, "training.completed");
    expect(events.map(({ type }) => type)).toEqual([
      "training.queued",
      "training.started",
      "training.log",
      "training.log",
      "checkpoint.saved",
      "training.log",
      "checkpoint.saved",
      "training.completed",
    ]);
    expect(events.map((event) => event.id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const job = await store.getJob(id);
    expect(job).toMatchObject({ status: "completed", step: 3, totalSteps: 3, metrics: { step: 3, loss: 4 / 3 } });
    expect(job).toMatchObject({ startedAt: expect.any(String), finishedAt: expect.any(String), error: null });
    expect(job?.artifacts.map(({ kind, step }) => [kind, step])).toEqual([
      ["checkpoint", 2],
      ["checkpoint", 3],
      ["adapter", 3],
    ]);
    expect(events.at(-1)).toMatchObject({ artifacts: job?.artifacts, metrics: job?.metrics });
  });

  it("that fails is data: status, error and one event", async () => {
    const error = new MidrunError("diverged", "Loss is NaN at step 2.", { hint: "Lower learningRate." });
    const { submit, until, store } = await setUp({ fake: { failures: [{ step: 2, error }] } });
    const id = await submit();
    const failed = (await until(id, "training.failed")).at(-1);
    expect(failed).toMatchObject({ step: 1, error: error.toJSON() });
    expect(await store.getJob(id)).toMatchObject({ status: "failed", error: error.toJSON() });
  });

  it("that fails with something unforeseen says what it was", async () => {
    const { submit, until } = await setUp({ fake: { failures: [{ step: 1, error: new TypeError("x is not a y") }] } });
    const failed = (await until(await submit(), "training.failed")).at(-1);
    expect(failed).toMatchObject({ step: null, error: { code: "internal", message: "TypeError: x is not a y" } });
  });

  it("of an engine that the server lacks is refused before it exists", async () => {
    const { scheduler, store } = await setUp();
    await expect(scheduler.submit(spec({ engine: "ray" }))).rejects.toMatchObject({
      code: "not_supported",
      hint: "It offers: embedded.",
    });
    expect((await store.listJobs({ limit: 9 })).data).toEqual([]);
  });

  it("that its runner refuses is refused before it exists", async () => {
    const refusal = new MidrunError("invalid_dataset", "There is no file /x.jsonl.");
    const preflight = () => {
      throw refusal;
    };
    const { scheduler, store } = await setUp({ fake: { preflight } });
    await expect(scheduler.submit(spec())).rejects.toBe(refusal);
    expect((await store.listJobs({ limit: 9 })).data).toEqual([]);
  });

  it("submitted again under the same key is the same job, with another spec a conflict", async () => {
    const { scheduler, store } = await setUp();
    const key = { key: "k", fingerprint: "f" };
    const [a, b] = await Promise.all([scheduler.submit(spec(), key), scheduler.submit(spec(), key)]);
    expect((await scheduler.submit(spec(), key)).id).toBe(a.id);
    expect(b.id).toBe(a.id);
    expect((await store.listJobs({ limit: 9 })).data).toHaveLength(1);
    const conflict = scheduler.submit(spec(), { key: "k", fingerprint: "g" });
    await expect(conflict).rejects.toMatchObject({ code: "idempotency_conflict" });
  });
});

describe("the queue", () => {
  it("is first in, first out, one job at a time", async () => {
    const { submit, until, runner, statusOf } = await setUp({ fake: { manual: true, steps: 1 } });
    const [a, b, c] = [await submit(), await submit(), await submit()];
    expect(runner.training).toEqual([a]);
    expect(await Promise.all([a, b, c].map(statusOf))).toEqual(["running", "queued", "queued"]);
    for (const [done, next] of [
      [a, b],
      [b, c],
    ] as const) {
      await runner.advance();
      await until(done, "training.completed");
      await until(next, "training.started");
      expect(runner.training).toEqual([next]);
    }
  });

  it("fills as many slots as there are", async () => {
    const { submit, runner, scheduler } = await setUp({ slots: 2, fake: { manual: true } });
    const [a, b, c] = [await submit(), await submit(), await submit()];
    expect(runner.training).toEqual([a, b]);
    await scheduler.command("cancel", a);
    await runner.advance(1, a);
    await nextTurn();
    expect(runner.training).toEqual([b, c]);
  });

  it("goes on after a job that failed", async () => {
    const failures = [{ step: 1, error: new MidrunError("diverged", "NaN") }];
    const { submit, until } = await setUp({ fake: { failures } });
    const [a, b] = [await submit(), await submit()];
    await until(a, "training.failed");
    await until(b, "training.completed");
  });
});

describe("commands", () => {
  it("pause a running job after its step, with a checkpoint, and resume it from there", async () => {
    const { submit, until, runner, scheduler, statusOf, typesOf, store } = await setUp({
      fake: { manual: true, steps: 4, saveSteps: 10 },
    });
    const id = await submit();
    await runner.advance(2);
    expect(await scheduler.command("pause", id)).toMatchObject({ status: "running", requested: "pause" });
    await runner.advance();
    expect((await until(id, "training.paused")).at(-1)).toMatchObject({ step: 3 });
    expect(await store.getJob(id)).toMatchObject({ status: "paused", step: 3, requested: null, finishedAt: null });
    expect(await scheduler.command("resume", id)).toMatchObject({ status: "queued" });
    await nextTurn();
    expect(await statusOf(id)).toBe("running");
    await runner.advance();
    await until(id, "training.completed");
    const first = ["queued", "started", "log", "log", "log", "checkpoint.saved", "paused"];
    expect(await typesOf(id)).toEqual([...first, "queued", "started", "log", "checkpoint.saved", "completed"]);
    const started = (await until(id, "training.completed")).filter(({ type }) => type === "training.started");
    expect(started).toMatchObject([{ resumedFromStep: 0 }, { resumedFromStep: 3 }]);
  });

  it("pause a queued job at once, and put a resumed one behind those that wait", async () => {
    const { submit, scheduler, runner, typesOf, store } = await setUp({ fake: { manual: true } });
    const [, b, c] = [await submit(), await submit(), await submit()];
    expect(await scheduler.command("pause", b)).toMatchObject({ status: "paused" });
    await scheduler.command("resume", b);
    expect((await store.nextQueued())?.id).toBe(c);
    expect(await typesOf(b)).toEqual(["queued", "paused", "queued"]);
    expect(runner.training).toHaveLength(1);
  });

  it("cancel a queued, a paused and a running job", async () => {
    const { submit, scheduler, runner, until, statusOf, typesOf } = await setUp({ fake: { manual: true } });
    const [running, paused, queued] = [await submit(), await submit(), await submit()];
    await scheduler.command("pause", paused);
    expect(await scheduler.command("cancel", paused)).toMatchObject({ status: "cancelled" });
    expect(await scheduler.command("cancel", queued)).toMatchObject({ status: "cancelled" });
    expect(await scheduler.command("cancel", running)).toMatchObject({ status: "running" });
    await runner.advance();
    await until(running, "training.cancelled");
    expect(await Promise.all([running, paused, queued].map(statusOf))).toEqual(Array(3).fill("cancelled"));
    expect(await typesOf(queued)).toEqual(["queued", "cancelled"]);
  });

  it("turn a pause into a cancel, but not back", async () => {
    const { submit, scheduler, runner, until } = await setUp({ fake: { manual: true } });
    const id = await submit();
    await scheduler.command("pause", id);
    await scheduler.command("cancel", id);
    await expect(scheduler.command("pause", id)).rejects.toMatchObject({
      code: "invalid_state",
      message: `Cannot pause job ${id}: it is running (asked to cancel).`,
    });
    await runner.advance();
    await until(id, "training.cancelled");
  });

  const reach: { [S in JobStatus]: (t: Awaited<ReturnType<typeof setUp>>) => Promise<string> } = {
    queued: async ({ submit }) => {
      await submit();
      return submit();
    },
    running: ({ submit }) => submit(),
    paused: async ({ submit, scheduler }) => {
      await submit();
      const id = await submit();
      await scheduler.command("pause", id);
      return id;
    },
    completed: async ({ submit, runner, until }) => {
      const id = await submit({ maxSteps: 1 });
      await runner.advance();
      await until(id, "training.completed");
      return id;
    },
    failed: async ({ submit, runner, until }) => {
      const id = await submit();
      runner.crash();
      await until(id, "training.warning");
      await nextTurn();
      runner.crash();
      await until(id, "training.failed");
      return id;
    },
    cancelled: async ({ submit, scheduler }) => {
      await submit();
      const id = await submit();
      await scheduler.command("cancel", id);
      return id;
    },
  };

  type Answer = Partial<Pick<JobRecord, "status" | "requested">> | "refused";
  /** What each command answers in each status. A queued or paused job has trained nothing yet here. */
  const answers: { [S in JobStatus]: { [C in Command]: Answer } } = {
    queued: {
      pause: { status: "paused" },
      resume: "refused",
      stop: "refused",
      cancel: { status: "cancelled" },
    },
    running: {
      pause: { status: "running", requested: "pause" },
      resume: "refused",
      stop: { status: "running", requested: "stop" },
      cancel: { status: "running", requested: "cancel" },
    },
    paused: {
      pause: "refused",
      resume: { status: "queued" },
      stop: "refused",
      cancel: { status: "cancelled" },
    },
    completed: { pause: "refused", resume: "refused", stop: "refused", cancel: "refused" },
    failed: { pause: "refused", resume: "refused", stop: "refused", cancel: "refused" },
    cancelled: { pause: "refused", resume: "refused", stop: "refused", cancel: "refused" },
  };
  const table = Object.entries(answers).flatMap(([status, row]) =>
    Object.entries(row).map(([command, answer]) => [status as JobStatus, command as Command, answer] as const),
  );
  const allowed = table.filter(([, , answer]) => answer !== "refused");
  const forbidden = table.filter(([, , answer]) => answer === "refused");

  it.each(allowed)("of a %s job obey %s", async (status, command, answer) => {
    const setup = await setUp({ fake: { manual: true } });
    const id = await reach[status](setup);
    expect(await setup.store.getJob(id)).toMatchObject({ status });
    expect(await setup.scheduler.command(command, id)).toMatchObject(answer as object);
  });

  it.each(forbidden)("of a %s job refuse %s, name the status and change nothing", async (status, command) => {
    const setup = await setUp({ fake: { manual: true } });
    const id = await reach[status](setup);
    const before = [await setup.store.getJob(id), await setup.eventsOf(id)];
    expect(before[0]).toMatchObject({ status });
    await expect(setup.scheduler.command(command, id)).rejects.toMatchObject({
      code: "invalid_state",
      message: `Cannot ${command} job ${id}: it is ${status}.`,
    });
    expect([await setup.store.getJob(id), await setup.eventsOf(id)]).toEqual(before);
  });

  it.each(["pause", "stop", "cancel"] as const)(
    "ends a running job for good after %s, or leaves it paused",
    async (command) => {
      const { submit, scheduler, runner, until, statusOf } = await setUp({ fake: { manual: true, steps: 9 } });
      const id = await submit();
      await runner.advance(2);
      await scheduler.command(command, id);
      await runner.advance();
      const ends = { pause: "paused", stop: "completed", cancel: "cancelled" } as const;
      await until(id, `training.${ends[command]}`);
      expect(await statusOf(id)).toBe(ends[command]);
    },
  );

  it("stop a running job early: what it has learnt is its result", async () => {
    const { submit, scheduler, runner, until, store } = await setUp({
      fake: { manual: true, steps: 9, saveSteps: 100 },
    });
    const id = await submit();
    await runner.advance(2);
    await scheduler.command("stop", id);
    await expect(scheduler.command("pause", id)).rejects.toMatchObject({
      message: `Cannot pause job ${id}: it is running (asked to stop).`,
    });
    await runner.advance();
    const events = await until(id, "training.completed");
    expect(events.at(-2)).toMatchObject({ type: "training.warning", message: expect.stringContaining("step 3 of 9") });
    expect(await store.getJob(id)).toMatchObject({
      status: "completed",
      step: 3,
      totalSteps: 9,
      requested: null,
      artifacts: [
        { kind: "checkpoint", step: 3 },
        { kind: "adapter", step: 3 },
      ],
    });
  });

  it("stop a paused job with a checkpoint, and one that waits again: neither trains another step", async () => {
    const { submit, scheduler, runner, until, typesOf } = await setUp({ fake: { manual: true, steps: 9 } });
    const [first, second] = [await submit(), await submit()];
    for (const id of [first, second]) {
      await until(id, "training.started");
      await runner.advance(1, id);
      await scheduler.command("pause", id);
      await runner.advance(1, id);
      await until(id, "training.paused");
    }
    const busy = await submit();
    expect(await scheduler.command("stop", first)).toMatchObject({ status: "queued", requested: "stop" });
    await scheduler.command("resume", second);
    expect(await scheduler.command("stop", second)).toMatchObject({ status: "queued", requested: "stop" });
    await scheduler.command("cancel", busy);
    await runner.advance(1, busy);
    for (const id of [first, second]) {
      await until(id, "training.completed");
      expect((await typesOf(id)).filter((type) => type === "log")).toHaveLength(2);
    }
  });

  it("stop a job whose worker dies before it obeys", async () => {
    const { submit, scheduler, runner, until } = await setUp({ fake: { manual: true, steps: 9, saveSteps: 1 } });
    const id = await submit();
    await runner.advance(2);
    await scheduler.command("stop", id);
    runner.crash();
    expect((await until(id, "training.completed")).at(-1)).toMatchObject({
      artifacts: [{}, {}, { kind: "adapter", step: 2 }],
    });
  });

  it("refuse an unknown job", async () => {
    const { scheduler } = await setUp();
    await expect(scheduler.command("cancel", "job_x")).rejects.toMatchObject({ code: "job_not_found", param: "id" });
  });

  it("under one key have one effect", async () => {
    const { submit, scheduler, typesOf } = await setUp({ fake: { manual: true } });
    await submit();
    const id = await submit();
    const key = { key: "k", fingerprint: "cancel" };
    expect(await scheduler.command("cancel", id, key)).toMatchObject({ status: "cancelled" });
    expect(await scheduler.command("cancel", id, key)).toMatchObject({ status: "cancelled" });
    expect(await typesOf(id)).toEqual(["queued", "cancelled"]);
  });
});

describe("a crashed worker", () => {
  it("costs a job one retry from its last checkpoint, then the job", async () => {
    const { submit, runner, until, eventsOf, store } = await setUp({ fake: { manual: true, steps: 9, saveSteps: 2 } });
    const id = await submit();
    await runner.advance(3);
    runner.crash();
    await until(id, "training.warning");
    await nextTurn();
    await runner.advance(1);
    runner.crash();
    await until(id, "training.failed");
    const events = await eventsOf(id);
    expect(events.map(({ type }) => type.replace("training.", ""))).toEqual([
      ...["queued", "started", "log", "log", "checkpoint.saved", "log", "warning"],
      ...["started", "log", "failed"],
    ]);
    expect(events[7]).toMatchObject({ resumedFromStep: 2 });
    expect(events.at(-1)).toMatchObject({ error: { code: "worker_crashed" } });
    expect(await store.getJob(id)).toMatchObject({ status: "failed" });
  });

  it("does not lose a pause or a cancel that was asked for", async () => {
    const { submit, scheduler, runner, until } = await setUp({ fake: { manual: true, saveSteps: 2 } });
    const [a, b] = [await submit(), await submit()];
    await runner.advance(3);
    await scheduler.command("pause", a);
    runner.crash();
    expect((await until(a, "training.paused")).at(-1)).toMatchObject({ step: 2 });
    await until(b, "training.started");
    await scheduler.command("cancel", b);
    runner.crash();
    await until(b, "training.cancelled");
  });

  it("counts anew after the user resumed the job", async () => {
    const { submit, scheduler, runner, until } = await setUp({ fake: { manual: true, steps: 3 } });
    const id = await submit();
    runner.crash();
    await until(id, "training.warning");
    await nextTurn();
    await scheduler.command("pause", id);
    await runner.advance();
    const last = (await until(id, "training.paused")).at(-1)!.id;
    await scheduler.command("resume", id);
    runner.crash();
    await until(id, "training.warning", last);
  });
});

describe("a crash after a new checkpoint", () => {
  it("does not count with those before it", async () => {
    const { submit, runner, until, statusOf } = await setUp({ fake: { manual: true, steps: 9, saveSteps: 1 } });
    const id = await submit();
    let last = 0;
    for (const _ of [1, 2, 3]) {
      await runner.advance(1);
      runner.crash();
      last = (await until(id, "training.warning", last)).at(-1)!.id;
      await nextTurn();
    }
    await runner.advance(9);
    await until(id, "training.completed");
    expect(await statusOf(id)).toBe("completed");
  });
});

describe("a full disk", () => {
  const full = () => new MidrunError("disk_full", "Cannot write /data: ENOSPC.", { hint: "Free some space." });

  async function setUpFull(options: Partial<SchedulerOptions> = {}) {
    const space = { free: false };
    const fake: FakeRunnerOptions = { manual: true, steps: 4, saveSteps: 2 };
    const context = await setUp({ fake, hasSpace: async () => space.free, ...options });
    const id = await context.submit();
    await context.runner.advance(3);
    context.runner.fail(full());
    const last = (await context.until(id, "training.paused")).at(-1)!;
    /** Half a minute goes by. */
    const wait = async () => {
      context.clock.advance(30_000);
      for (let turn = 0; turn < 20; turn++) await nextTurn();
    };
    return { ...context, id, last, space, wait };
  }

  it("pauses the job, says so, and lets it go on by itself when there is space again", async () => {
    const { id, last, space, wait, store, statusOf, until, runner } = await setUpFull();
    expect(last).toMatchObject({ step: 2, reason: "disk_full" });
    expect(await store.getJob(id)).toMatchObject({ status: "paused", error: { code: "disk_full" } });
    await wait();
    expect(await statusOf(id)).toBe("paused");
    space.free = true;
    await wait();
    expect(await store.getJob(id)).toMatchObject({ status: "running", error: null });
    await runner.advance(9);
    const events = await until(id, "training.completed", last.id);
    expect(events.map(({ type }) => type)).toContain("training.started");
    expect(events.find(({ type }) => type === "training.started")).toMatchObject({ resumedFromStep: 2 });
  });

  it("keeps nobody from cancelling or resuming the job", async () => {
    const first = await setUpFull();
    await first.scheduler.command("cancel", first.id);
    expect(await first.store.getJob(first.id)).toMatchObject({ status: "cancelled", error: null });
    const second = await setUpFull();
    await second.scheduler.command("resume", second.id);
    expect(await second.statusOf(second.id)).toBe("running");
  });

  it("wakes no job that its user paused", async () => {
    const { scheduler, submit, space, wait, statusOf, runner, id } = await setUpFull();
    await scheduler.command("cancel", id);
    const other = await submit();
    await scheduler.command("pause", other);
    await runner.advance(1);
    space.free = true;
    await wait();
    expect(await statusOf(other)).toBe("paused");
  });

  it("on which the history lies too pauses the job as soon as that can be written", async () => {
    const inner = createMemoryStore();
    const disk = { full: false };
    const store: Store = Object.assign(Object.create(inner), {
      async changeJob(...args: Parameters<Store["changeJob"]>) {
        if (disk.full) throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
        return inner.changeJob(...args);
      },
    });
    const { submit, runner, clock, until, errors } = await setUp({
      store,
      fake: { manual: true, steps: 9, saveSteps: 2 },
      hasSpace: async () => !disk.full,
    });
    const id = await submit();
    await runner.advance(2);
    disk.full = true;
    await runner.advance(1);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(errors).not.toEqual([]);
    disk.full = false;
    clock.advance(5000);
    const last = (await until(id, "training.paused")).at(-1)!;
    expect(last).toMatchObject({ reason: "disk_full" });
    clock.advance(30_000);
    await until(id, "training.started", last.id);
    await runner.advance(9);
    await until(id, "training.completed", last.id);
  });
});

describe("a server that starts again", () => {
  /** Store and disk as a server leaves them that is killed after 3 steps and whatever `prepare` does. */
  async function killed(prepare: (t: Awaited<ReturnType<typeof setUp>>, id: string) => Promise<unknown>) {
    const store = createMemoryStore();
    const disk = new Map<string, number>();
    const dead = await setUp({ store, fake: { manual: true, steps: 4, saveSteps: 2, disk } });
    const id = await dead.submit();
    await dead.runner.advance(3);
    await prepare(dead, id);
    return { store, id, disk };
  }

  it("goes on with a job that was running, from its last checkpoint, before those that waited", async () => {
    const { store, id, disk } = await killed(({ submit }) => submit());
    const { until, typesOf, runner } = await setUp({ store, fake: { manual: true, steps: 4, disk } });
    expect(runner.training).toEqual([id]);
    await until(id, "training.warning");
    await runner.advance(2);
    const events = await until(id, "training.completed");
    expect(await typesOf(id)).toEqual([
      ...["queued", "started", "log", "log", "checkpoint.saved", "log", "warning"],
      ...["started", "log", "log", "checkpoint.saved", "completed"],
    ]);
    expect(events[7]).toMatchObject({ resumedFromStep: 2 });
  });

  it("tells of a checkpoint that the dead server had no time to tell of, and only once", async () => {
    const { store, id } = await killed(async () => {});
    const { until, runner } = await setUp({
      store,
      fake: { manual: true, steps: 4, disk: new Map([[`/data/jobs/${id}`, 3]]) },
    });
    await until(id, "training.warning");
    await runner.advance();
    const events = await until(id, "training.completed");
    const saved = events.flatMap((event) => (event.type === "checkpoint.saved" ? [event.step] : []));
    expect(saved).toEqual([2, 3, 4]);
    expect((await store.getJob(id))?.artifacts.map(({ step }) => step)).toEqual([2, 3, 4, 4]);
  });

  it("fails such jobs when that is how the job or the server is set; the job's own word counts", async () => {
    const settings = [
      { server: "fail", job: undefined, end: "failed" },
      { server: undefined, job: "fail", end: "failed" },
      { server: "resume", job: "fail", end: "failed" },
      { server: "fail", job: "resume", end: "running" },
    ] as const;
    for (const { server, job, end } of settings) {
      const store = createMemoryStore();
      const dead = await setUp({ store, fake: { manual: true } });
      const id = await dead.submit(job ? { onRestart: job } : {});
      await dead.until(id, "training.started");
      const { statusOf } = await setUp({ store, fake: { manual: true }, ...(server ? { onRestart: server } : {}) });
      expect(await statusOf(id)).toBe(end);
      const code = end === "failed" ? { error: { code: "worker_crashed" } } : { error: null };
      expect(await store.getJob(id)).toMatchObject(code);
    }
  });

  it("that only looks in pauses such jobs, says how to continue, and takes nothing from the queue", async () => {
    const { store, id, disk } = await killed(({ submit }) => submit());
    const waiting = (await store.nextQueued())!.id;
    const { runner, until, statusOf, scheduler } = await setUp({
      store,
      adopt: false,
      fake: { manual: true, steps: 4, disk },
    });
    const [warning, paused] = (await until(id, "training.paused")).slice(-2);
    expect(warning).toMatchObject({ message: expect.stringContaining(`midrun jobs resume ${id}`) });
    expect(paused).toMatchObject({ step: 2 });
    expect([runner.training, await statusOf(waiting)]).toEqual([[], "queued"]);

    const { id: mine } = await scheduler.submit(spec());
    expect(runner.training).toEqual([mine]);
    await scheduler.command("cancel", mine);
    await runner.advance();
    await until(mine, "training.cancelled");
    await nextTurn();
    expect(await statusOf(waiting)).toBe("queued");
    expect(await scheduler.command("resume", waiting)).toMatchObject({ id: waiting });
    expect(runner.training).toEqual([waiting]);
    expect(await scheduler.command("resume", id)).toMatchObject({ status: "queued" });
  });

  it.each([
    ["cancel", "training.cancelled", {}],
    ["pause", "training.paused", { step: 2 }],
  ] as const)("still obeys a %s that the dead server had accepted", async (command, type, body) => {
    const { store, id } = await killed(({ scheduler }, job) => scheduler.command(command, job));
    const { until } = await setUp({ store });
    expect((await until(id, type)).at(-1)).toMatchObject(body);
  });
});

describe("close", () => {
  it("requeue: saves, keeps the job's place, and the next start goes on", async () => {
    const store = createMemoryStore();
    const runner = createFakeRunner({ manual: true, steps: 4, saveSteps: 10 });
    const first = await setUp({ store, runner });
    const [a, b] = [await first.submit(), await first.submit()];
    await runner.advance(1);
    const closing = first.scheduler.close();
    await nextTurn();
    await runner.advance();
    await closing;
    expect(await first.statusOf(a)).toBe("queued");
    expect(await first.statusOf(b)).toBe("queued");
    expect((await store.nextQueued())?.id).toBe(a);
    expect((await store.getJob(a))?.artifacts).toMatchObject([{ kind: "checkpoint", step: 2 }]);
    await expect(first.submit()).rejects.toMatchObject({ code: "aborted" });
  });

  it("pause: ends every running job as paused", async () => {
    const { scheduler, submit, runner, statusOf, typesOf } = await setUp({ slots: 2, fake: { manual: true } });
    const [a, b, c] = [await submit(), await submit(), await submit()];
    await runner.advance(1, a);
    await runner.advance(1, b);
    const closing = scheduler.close({ jobs: "pause" });
    await nextTurn();
    await runner.advance(1, a);
    await runner.advance(1, b);
    await closing;
    expect(await Promise.all([a, b, c].map(statusOf))).toEqual(["paused", "paused", "queued"]);
    expect((await typesOf(a)).at(-1)).toBe("paused");
  });

  it.each([
    ["pause", "paused"],
    ["requeue", "queued"],
  ] as const)("%s: waits no longer than the grace time for a step that does not end", async (jobs, status) => {
    const { scheduler, submit, clock, statusOf, until, errors } = await setUp({ fake: { manual: true } });
    const id = await submit();
    await until(id, "training.started");
    const closing = scheduler.close({ jobs, graceMs: 5000 });
    await nextTurn();
    expect(await statusOf(id)).toBe("running");
    clock.advance(5000);
    await closing;
    expect(await statusOf(id)).toBe(status);
    expect(errors).toEqual([]);
  });

  it("does not forget a cancel on its way, and ends followers", async () => {
    const { scheduler, submit, runner, statusOf, until, log } = await setUp({ fake: { manual: true } });
    const id = await submit();
    await until(id, "training.started");
    await scheduler.command("cancel", id);
    const follower = collect(log.follow(await submit()));
    const closing = scheduler.close({ jobs: "pause" });
    await nextTurn();
    await runner.advance();
    await closing;
    expect(await statusOf(id)).toBe("cancelled");
    expect(await follower).toHaveLength(1);
  });

  it("twice is once", async () => {
    const { scheduler } = await setUp();
    await Promise.all([scheduler.close(), scheduler.close({ jobs: "pause" })]);
  });
});

describe("a store that fails", () => {
  const failing = (store: Store, fails: () => boolean): Store => ({
    ...store,
    changeJob: async (...args) => {
      if (fails()) throw new Error("disk full");
      return store.changeJob(...args);
    },
  });

  it("while events are written stops the job as failed, and says why", async () => {
    let writes = 0;
    // 1: running; 2: the first events.
    const store = failing(createMemoryStore(), () => ++writes === 2);
    const { submit, until } = await setUp({ store });
    const failed = (await until(await submit(), "training.failed")).at(-1);
    expect(failed).toMatchObject({
      error: { code: "io", message: "The job's history could not be written: disk full." },
    });
  });

  it("to the end is reported, and the job is an orphan of the next start", async () => {
    const memory = createMemoryStore();
    let broken = false;
    const setup = await setUp({ store: failing(memory, () => broken), fake: { manual: true, steps: 1 } });
    const id = await setup.submit();
    broken = true;
    await setup.runner.advance();
    await nextTurn();
    expect(setup.errors).toMatchObject([{ message: "disk full" }]);
    expect(await setup.statusOf(id)).toBe("running");
    const next = await setUp({ store: memory, runner: setup.runner });
    await next.until(id, "training.completed");
  });
});
