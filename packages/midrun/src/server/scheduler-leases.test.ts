/** Two servers over one store: one of them trains a job at a time, and what the other one still writes does not count. */
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { isTerminalEvent, type JobEvent } from "../protocol/event.ts";
import { createEventLog } from "./event-log.ts";
import { createManualClock } from "./manual-clock.ts";
import { createFakeRunner } from "./runners/fake.ts";
import { createScheduler, type SchedulerOptions } from "./scheduler.ts";
import { exampleSpec } from "./stores/conformance.ts";
import { createMemoryStore } from "./stores/memory.ts";

const leaseMs = 9000;
const tickMs = leaseMs / 3;

function createWorld() {
  const store = createMemoryStore({ exclusive: false });
  const disk = new Map<string, number>();

  async function serve(options: Partial<SchedulerOptions> = {}) {
    const clock = createManualClock();
    const runner = createFakeRunner({ manual: true, steps: 6, saveSteps: 2, disk });
    const errors: unknown[] = [];
    const scheduler = createScheduler({
      store,
      log: createEventLog(store),
      runners: { embedded: runner },
      jobDirOf: (id) => id,
      clock,
      leaseMs,
      onError: (error) => errors.push(error),
      ...options,
    });
    await scheduler.start();
    /** Time passes for this server; what it has to do then is done. */
    const tick = async (times = 1) => {
      for (let i = 0; i < times; i++) {
        clock.advance(tickMs);
        for (let turn = 0; turn < 20; turn++) await nextTurn();
      }
    };
    return { scheduler, runner, clock, errors, tick };
  }
  const eventsOf = (id: string) => store.listEvents(id, { after: 0, limit: 1000 });
  const leaseOf = async (id: string) => (await store.getJob(id))?.lease;
  return { store, disk, serve, eventsOf, leaseOf };
}

/** Every step once, from 1 on, apart from those repeated after a checkpoint. */
function stepsOf(events: JobEvent[]): number[] {
  return events.flatMap((event) => (event.type === "training.log" ? [event.step] : []));
}

describe("two schedulers over one store", () => {
  it("share the queue: each job is trained by one of them", async () => {
    const { serve, store } = createWorld();
    const [a, b] = [await serve(), await serve()];
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) ids.push((await a.scheduler.submit(exampleSpec)).id);
    await b.tick();
    expect([a.runner.training, b.runner.training]).toEqual([[ids[0]], [ids[1]]]);
    expect((await store.nextQueued())?.id).toBe(ids[2]);
  });

  it("leave a job alone as long as its holder shows that it lives", async () => {
    const { serve, leaseOf } = createWorld();
    const [a, b] = [await serve(), await serve()];
    const { id } = await a.scheduler.submit(exampleSpec);
    for (let i = 0; i < 20; i++) {
      await a.tick();
      await b.tick();
    }
    expect(await leaseOf(id)).toMatchObject({ token: 1, beat: 20 });
    expect([a.runner.training, b.runner.training]).toEqual([[id], []]);
  });

  it("take a job over from a silent one, which then cannot write: no event, no checkpoint, no end", async () => {
    const { serve, eventsOf, store, leaseOf, disk } = createWorld();
    const [a, b] = [await serve(), await serve()];
    const { id } = await a.scheduler.submit(exampleSpec);
    await a.runner.advance(3);
    await b.tick(3);
    expect(b.runner.training).toEqual([]);
    await b.tick();
    expect(b.runner.training).toEqual([id]);
    expect(await leaseOf(id)).toMatchObject({ token: 3 });
    const before = (await eventsOf(id)).length;

    const ghost = disk.get(id)!;
    await a.runner.advance(2).catch(() => {});
    await vi.waitFor(() =>
      expect(a.errors).toMatchObject([{ code: "aborted", message: expect.stringContaining("taken over") }]),
    );
    expect(a.runner.training).toEqual([]);
    const after = (await eventsOf(id)).slice(before);
    expect(after.filter(({ type }) => type === "training.log" || type === "checkpoint.saved")).toEqual([]);
    disk.set(id, ghost);

    await b.runner.advance(6);
    await vi.waitFor(async () => expect((await store.getJob(id))?.status).toBe("completed"));
    const events = await eventsOf(id);
    expect(stepsOf(events)).toEqual([1, 2, 3, 3, 4, 5, 6]);
    expect(events.filter(isTerminalEvent)).toHaveLength(1);
  });

  it("do not mind clocks that jump: a job changes hands after three silent looks, however late or early they come", async () => {
    const { serve, leaseOf } = createWorld();
    const [a, b] = [await serve(), await serve()];
    const { id } = await a.scheduler.submit(exampleSpec);
    // A year, in one look: this server slept, or somebody set its clock.
    b.clock.advance(tickMs);
    const jump = vi.spyOn(b.clock, "now").mockReturnValue(b.clock.now() + 365 * 86_400_000);
    await b.tick(2);
    await a.tick();
    await b.tick(3);
    jump.mockReturnValue(0);
    await a.tick();
    await b.tick(3);
    expect(await leaseOf(id)).toMatchObject({ token: 1 });
    expect([a.runner.training, b.runner.training]).toEqual([[id], []]);
  });

  it("pass commands on to whoever trains the job", async () => {
    const { serve, store } = createWorld();
    const [a, b] = [await serve(), await serve()];
    const { id } = await a.scheduler.submit(exampleSpec);
    await a.runner.advance();
    expect(await b.scheduler.command("pause", id)).toMatchObject({ status: "running", requested: "pause" });
    await a.tick();
    await a.runner.advance();
    await vi.waitFor(async () => expect((await store.getJob(id))?.status).toBe("paused"));
  });

  it("do not both take over what a third one left", async () => {
    const { serve, leaseOf } = createWorld();
    const dead = await serve();
    const { id } = await dead.scheduler.submit(exampleSpec);
    const heirs = [await serve(), await serve(), await serve()];
    await Promise.all(heirs.map((heir) => heir.tick(5)));
    const training = heirs.filter(({ runner }) => runner.training.includes(id));
    expect(training).toHaveLength(1);
    expect((await leaseOf(id))?.token).toBe(3);
  });
});

describe("any interleaving of two servers, silence and steps", () => {
  type Act = { server: 0 | 1; do: "tick" | "advance" | "pause" | "resume" | "cancel" };
  const acts: fc.Arbitrary<Act[]> = fc.array(
    fc.record({
      server: fc.constantFrom(0 as const, 1 as const),
      do: fc.oneof(
        { weight: 6, arbitrary: fc.constant("tick" as const) },
        { weight: 6, arbitrary: fc.constant("advance" as const) },
        { weight: 1, arbitrary: fc.constantFrom("pause" as const, "resume" as const, "cancel" as const) },
      ),
    }),
    { maxLength: 40 },
  );

  it("has one winner for every step, and at most one end", async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (all) => {
        const world = createWorld();
        const servers = [await world.serve(), await world.serve()];
        const { id } = await servers[0]!.scheduler.submit(exampleSpec);
        for (const act of all) {
          const { scheduler, runner, tick } = servers[act.server]!;
          if (act.do === "tick") await tick();
          else if (act.do === "advance") await (runner.training.length > 0 ? runner.advance() : undefined);
          else await scheduler.command(act.do, id).catch(() => {});
        }
        const events = await world.eventsOf(id);
        expect(events.map((event) => event.id)).toEqual(events.map((_, i) => i + 1));
        const ends = events.filter(isTerminalEvent);
        expect(ends.length).toBeLessThanOrEqual(1);
        if (ends.length > 0) expect(events.at(-1)).toEqual(ends[0]);
        // Steps follow on one another within the turn of one holder, and each turn begins with its own start.
        let step = 0;
        for (const event of events) {
          if (event.type === "training.started") step = event.resumedFromStep;
          if (event.type === "training.log") expect(event.step).toBe(++step);
        }
      }),
      { numRuns: 60 },
    );
  });
});
