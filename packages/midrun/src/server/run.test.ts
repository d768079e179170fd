import { describe, expect, it, vi } from "vitest";
import { startRun, type TimedEvent } from "./run.ts";
import type { RunnerEvent, TrainOutcome } from "./runner.ts";

const warning = (message: string): RunnerEvent => ({ type: "training.warning", message });
const outcome: TrainOutcome = { status: "completed", step: 1, artifact: null, metrics: null };
const now = () => "2026-01-01T00:00:00.000Z";

function setUp(record: (events: TimedEvent[]) => Promise<boolean>) {
  const training = Promise.withResolvers<TrainOutcome>();
  const commands: string[] = [];
  let report: (event: RunnerEvent) => void = () => {};
  const run = startRun({
    train: (onEvent) => {
      report = onEvent;
      return { result: training.promise, command: (command) => commands.push(command) };
    },
    now,
    record,
  });
  return { run, training, commands, report: (message: string) => report(warning(message)) };
}

describe("startRun", () => {
  it("loses no event, in whatever instant of an earlier recording it comes", async () => {
    for (let turns = 0; turns < 12; turns++) {
      const recorded: string[] = [];
      const { run, training, report } = setUp(async (events) => {
        recorded.push(...events.map((event) => (event as { message: string }).message));
        return true;
      });
      report("first");
      for (let i = 0; i < turns; i++) await Promise.resolve();
      report("second");
      training.resolve(outcome);
      expect(await run.result).toEqual({ ok: true, outcome });
      expect(recorded).toEqual(["first", "second"]);
    }
  });

  it("hands over what came during a recording as one batch", async () => {
    const batches: number[] = [];
    const first = Promise.withResolvers<void>();
    const { run, training, report } = setUp(async (events) => {
      batches.push(events.length);
      if (batches.length === 1) await first.promise;
      return true;
    });
    for (const message of ["a", "b", "c", "d"]) report(message);
    first.resolve();
    training.resolve(outcome);
    await run.result;
    expect(batches).toEqual([1, 3]);
  });

  it("gives the failure of a training, also one that fails to start", async () => {
    const error = new Error("no");
    const { run, training } = setUp(async () => true);
    training.reject(error);
    expect(await run.result).toEqual({ ok: false, error });
    const train = () => {
      throw error;
    };
    expect(await startRun({ train, now, record: async () => true }).result).toEqual({ ok: false, error });
  });

  it("pauses the training and fails when its history cannot be written", async () => {
    const { run, training, commands, report } = setUp(() => Promise.reject(new Error("disk full")));
    report("a");
    await Promise.resolve();
    await Promise.resolve();
    report("b");
    expect(commands).toEqual(["pause"]);
    training.resolve({ ...outcome, status: "paused" });
    expect(await run.result).toMatchObject({ ok: false, error: { code: "io" } });
  });

  it("breaks the training off when the job is somebody else's by now, and tells nothing more", async () => {
    const batches: number[] = [];
    const { run, training, commands, report } = setUp(async (events) => {
      batches.push(events.length);
      return false;
    });
    report("a");
    await vi.waitFor(() => expect(commands).toEqual(["cancel"]));
    report("b");
    training.resolve({ ...outcome, status: "cancelled" });
    expect(await run.result).toMatchObject({ ok: true });
    expect(batches).toEqual([1]);
  });

  it("takes no events after the end", async () => {
    let recordings = 0;
    const { run, training, report } = setUp(async () => {
      recordings++;
      return true;
    });
    training.resolve(outcome);
    await run.result;
    report("late");
    expect(recordings).toBe(0);
  });
});
