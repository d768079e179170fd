import { expect, test } from "vitest";
import type { TrainLog } from "../spec.ts";
import { runTiny, temporaryDir, tinySpec } from "../testing/tiny-run.ts";
import { range } from "../util.ts";
import { createRecentLogs, missedLogs } from "./recent-logs.ts";

const log = (step: number) => ({ type: "log", step, loss: 1 / step, tokensPerSecond: step }) as TrainLog;

test("keeps the newest lines, each step once, and no speeds", () => {
  const recent = createRecentLogs([log(1), log(2), log(3)]);
  for (const step of [3, ...range(40).map((i) => i + 4)]) recent.add(log(step));
  expect(recent.lines.map(({ step }) => step)).toEqual(range(32).map((i) => i + 12));
  expect(recent.lines[0]).toMatchObject({ loss: 1 / 12, tokensPerSecond: null });
});

test("a caller that says what it knows is told the rest, one that does not is told nothing", () => {
  const kept = [log(4), log(5), log(6)];
  expect(missedLogs(kept, 4).map(({ step }) => step)).toEqual([5, 6]);
  expect(missedLogs(kept, 6)).toEqual([]);
  expect(missedLogs(kept, undefined)).toEqual([]);
});

test("a run that goes on tells first what its watcher missed", async () => {
  const dir = await temporaryDir();
  const before = await runTiny(tinySpec(dir), (done) => (done === 5 ? "pause" : null));
  const { events } = await runTiny(tinySpec(dir, { historyStep: 3 }));
  const steps = events.flatMap((event) => (event.type === "log" ? [event.step] : []));
  expect(steps).toEqual([4, 5, 6, 7, 8, 9, 10]);
  expect(events.map(({ type }) => type).slice(0, 3)).toEqual(["log", "log", "started"]);
  const missed = events[0] as TrainLog;
  expect(missed).toMatchObject({ step: 4, loss: before.losses[3], gradNorm: before.logs[3]!.gradNorm });
});
