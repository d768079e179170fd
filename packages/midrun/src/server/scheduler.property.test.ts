/** Any interleaving of commands, steps, crashes, failures and restarts: one terminal event, and a status that follows. */
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMidrunError, MidrunError } from "../errors.ts";
import { isTerminalEvent, type JobEvent } from "../protocol/event.ts";
import { isTerminalStatus, type JobStatus } from "../protocol/job.ts";
import { createEventLog } from "./event-log.ts";
import { createManualClock } from "./manual-clock.ts";
import { createFakeRunner, type FakeRunner } from "./runners/fake.ts";
import { createScheduler, type Scheduler } from "./scheduler.ts";
import type { Store } from "./store.ts";
import { exampleSpec } from "./stores/conformance.ts";
import { createMemoryStore } from "./stores/memory.ts";
import type { Command } from "./transitions.ts";

type Action =
  | { do: "submit" | "advance" | "crash" | "fail" | "kill" }
  | { do: Command; job: number }
  | { do: "close"; jobs: "pause" | "requeue" };
/** `wait` false: the next action begins before this one is done. */
type Step = Action & { wait: boolean };

const wait = fc.boolean();
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant("submit" as const), wait }) },
    {
      weight: 7,
      arbitrary: fc.record({ do: fc.constantFrom("cancel", "pause", "resume", "stop"), job: fc.nat({ max: 3 }), wait }),
    },
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom("advance", "advance", "crash", "fail"), wait }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("close" as const), jobs: fc.constantFrom("pause", "requeue"), wait }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const), wait }) },
  ) as fc.Arbitrary<Step>,
  { minLength: 1, maxLength: 25 },
);

/** The statuses that an event may follow, and the one that it leads to; null: it leaves the status. */
const meaning: { [T in JobEvent["type"]]: { after: JobStatus[]; to: JobStatus | null } } = {
  "training.queued": { after: ["paused"], to: "queued" },
  "training.started": { after: ["queued"], to: "running" },
  "training.log": { after: ["running"], to: null },
  "checkpoint.saved": { after: ["running"], to: null },
  // Sent when a job goes back into the queue without its user: after a crash, a restart or at the server's end.
  "training.warning": { after: ["running", "queued"], to: "queued" },
  "training.paused": { after: ["queued", "running"], to: "paused" },
  "training.completed": { after: ["running"], to: "completed" },
  "training.failed": { after: ["running", "queued"], to: "failed" },
  "training.cancelled": { after: ["queued", "running", "paused"], to: "cancelled" },
};

/** The warning before the end of a job that was stopped early. */
const isFarewell = (event: JobEvent) => event.type === "training.warning" && event.message.includes("was stopped");

/** Reads a history as a fresh reader would, and refuses an impossible one. */
function replay(events: JobEvent[]): JobStatus {
  let status: JobStatus = "paused";
  events.forEach((event, i) => {
    expect(event.id).toBe(i + 1);
    expect(meaning[event.type].after, `${event.type} while ${status}`).toContain(status);
    if (!isFarewell(event)) status = meaning[event.type].to ?? status;
  });
  return status;
}

const totalSteps = 4;

/** Steps never go back except to a checkpoint, none is skipped, and none is missing at the end. `untold`: on disk, but the server died before it said so. */
function checkSteps(events: JobEvent[], untold: number[], stopped: boolean): void {
  const checkpoints = new Set([0, ...untold]);
  let step = 0;
  for (const event of events) {
    if (event.type === "training.started") {
      expect(checkpoints).toContain(event.resumedFromStep);
      step = event.resumedFromStep;
    }
    if (event.type === "training.log") expect(event.step).toBe(++step);
    if (event.type === "checkpoint.saved") {
      // One that the dead server did not tell of is told of by the next one.
      if (!untold.includes(event.step)) expect(event.step).toBe(step);
      checkpoints.add(event.step);
    }
    if (event.type === "training.completed") expect(stopped ? checkpoints : [totalSteps]).toContain(step);
    if (event.type === "training.paused") expect([...checkpoints]).toContain(event.step);
  }
}

/** Rejects, and does not count as unhandled while fast-check holds it back. */
function refused(): Promise<never> {
  const killed = Promise.reject(new Error("killed"));
  killed.catch(() => {});
  return killed;
}

/** Answers come in an order that fast-check chooses; what a killed server still writes never reaches the disk. */
function unreliable(disk: Store, s: fc.Scheduler, alive: { value: boolean }): Store {
  const wrap = <A extends unknown[], T>(call: (...args: A) => Promise<T>) =>
    s.scheduleFunction((...args: A) => (alive.value ? call(...args) : refused()));
  return {
    ...disk,
    createJob: wrap(disk.createJob),
    changeJob: wrap(disk.changeJob),
    getJob: wrap(disk.getJob),
    claimJob: wrap(disk.claimJob),
    takeOver: wrap(disk.takeOver),
    listEvents: wrap(disk.listEvents),
  };
}

interface Server {
  scheduler: Scheduler;
  runner: FakeRunner;
  alive: { value: boolean };
}

/** Servers that come and go over one store and one disk. */
function createWorld(s: fc.Scheduler, slots: number) {
  const memory = createMemoryStore();
  let disk = new Map<string, number>();
  const diskAtKills: Map<string, number>[] = [];
  const ids: string[] = [];
  const errors: unknown[] = [];
  /** Jobs whose cancellation, or early end, was accepted. */
  const cancelled = new Set<string>();
  const stopped = new Set<string>();
  const inFlight = new Set<Promise<void>>();
  let server: Server;

  async function start(): Promise<void> {
    const alive = { value: true };
    const store = unreliable(memory, s, alive);
    const runner = createFakeRunner({ manual: true, steps: totalSteps, saveSteps: 2, disk });
    const scheduler = createScheduler({
      store,
      log: createEventLog(store),
      runners: { embedded: runner },
      jobDirOf: (id) => id,
      clock: createManualClock(),
      slots,
      onError: (error) => alive.value && errors.push(error),
    });
    server = { scheduler, runner, alive };
    await scheduler.start();
  }

  /** Lets running jobs do their steps until `end` comes. */
  async function advanceUntil(end: Promise<unknown>): Promise<void> {
    const { runner } = server;
    let over = false;
    void end.finally(() => {
      over = true;
    });
    while (!over) {
      if (runner.training.length > 0) await runner.advance();
      await nextTurn();
    }
    await end;
  }

  async function command(action: Command, job: number): Promise<void> {
    const id = ids[job % Math.max(1, ids.length)];
    if (!id) return;
    try {
      if (action === "stop") stopped.add(id);
      await server.scheduler.command(action, id);
      if (action === "cancel") cancelled.add(id);
    } catch (error) {
      // The only reason to refuse a job that exists.
      if (!isMidrunError(error) || error.code !== "invalid_state") throw error;
    }
  }

  async function submit(): Promise<void> {
    const { id } = await server.scheduler.submit(exampleSpec);
    ids.push(id);
  }

  async function restart(end: () => Promise<void>): Promise<void> {
    await end();
    await start();
  }

  const inTraining = (act: (runner: FakeRunner) => void | Promise<void>) => async () => {
    if (server.runner.training.length > 0) await act(server.runner);
  };

  const perform: { [D in Action["do"]]: (action: Extract<Action, { do: D }>) => Promise<void> } = {
    submit,
    advance: inTraining((runner) => runner.advance()),
    crash: inTraining((runner) => runner.crash()),
    fail: inTraining((runner) => runner.fail(new MidrunError("diverged", "NaN"))),
    cancel: ({ job }) => command("cancel", job),
    pause: ({ job }) => command("pause", job),
    resume: ({ job }) => command("resume", job),
    stop: ({ job }) => command("stop", job),
    close: ({ jobs }) => restart(() => advanceUntil(server.scheduler.close({ jobs }))),
    kill: () =>
      restart(async () => {
        server.alive.value = false;
        // A copy: what the dead process still does is not seen by the next one.
        disk = new Map(disk);
        diskAtKills.push(new Map(disk));
      }),
  };

  async function act({ wait, ...action }: Step): Promise<void> {
    const ends = action.do === "close" || action.do === "kill";
    // A client that is cut off by the end of its server gets no answer; that is all we ask of this server.
    const { alive } = server;
    const done = (perform[action.do] as (action: Action) => Promise<void>)(action).catch((error: unknown) => {
      if (alive.value && !(isMidrunError(error) && error.code === "aborted")) throw error;
    });
    if (wait || ends) return done;
    inFlight.add(done);
  }

  /** Everything that can move has moved: jobs are paused or at their end. */
  async function settle(): Promise<void> {
    await Promise.all(inFlight);
    const moving = async () => (await memory.listJobs({ limit: 1, status: ["queued", "running"] })).data.length > 0;
    while (await moving()) {
      if (server.runner.training.length > 0) await server.runner.advance();
      await nextTurn();
    }
  }

  const cancelAll = () => Promise.all(ids.map((_, job) => command("cancel", job)));
  const untoldOf = (id: string) => diskAtKills.flatMap((each) => each.get(id) ?? []);
  return { memory, ids, untoldOf, errors, cancelled, stopped, start, act, settle, cancelAll };
}

describe("any interleaving of commands, steps, crashes and restarts", () => {
  it("leaves a possible history, whose end is the job's status, with one terminal event", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 2 }), steps, async (s, slots, all) => {
        const world = createWorld(s, slots);
        const check = async (statuses: JobStatus[]) => {
          for (const id of world.ids) {
            const job = await world.memory.getJob(id);
            const events = await world.memory.listEvents(id, { after: 0, limit: 10_000 });
            checkSteps(events, world.untoldOf(id), world.stopped.has(id));
            expect(replay(events)).toBe(job?.status);
            expect(statuses).toContain(job?.status);
            const ends = events.filter(isTerminalEvent).map((event) => event.id);
            expect(ends).toEqual(isTerminalStatus(job!.status) ? [events.length] : []);
            expect(job?.requested).toBeNull();
            if (world.cancelled.has(id)) expect(job?.status).not.toBe("paused");
          }
          expect(world.errors).toEqual([]);
        };
        await s.waitFor(
          (async () => {
            await world.start();
            for (const step of all) await world.act(step);
            await world.settle();
            await check(["paused", "completed", "failed", "cancelled"]);
            await world.cancelAll();
            await check(["completed", "failed", "cancelled"]);
          })(),
        );
      }),
      { numRuns: 500 },
    );
  });
});
