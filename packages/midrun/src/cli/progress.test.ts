import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobEvent, JobEventBody } from "../protocol/event.ts";
import {
  applyProgress,
  formatCount,
  formatDuration,
  formatLoss,
  noProgress,
  renderEvent,
  renderProgress,
} from "./progress.ts";

const at = (seconds: number, body: object): JobEvent =>
  ({ id: 1, jobId: "job_1", timestamp: new Date(seconds * 1000).toISOString(), ...body }) as JobEvent;
const started = (seconds: number, resumedFromStep = 0) =>
  at(seconds, {
    type: "training.started",
    totalSteps: 100,
    trainableParameters: 1_200_000,
    dataset: {},
    resumedFromStep,
  });
const log = (seconds: number, step: number, metrics: object = {}) =>
  at(seconds, {
    type: "training.log",
    step,
    totalSteps: null,
    loss: null,
    evalLoss: null,
    tokensPerSecond: null,
    ...metrics,
  });
const after = (...events: JobEvent[]) => events.reduce(applyProgress, noProgress);

describe("applyProgress", () => {
  it("estimates the rest at the pace so far", () => {
    expect(after(started(0), log(10, 20)).etaMs).toBe(40_000);
    expect(after(started(0), log(10, 20), log(40, 40)).etaMs).toBe(60_000);
    expect(after(started(0), log(10, 20), log(50, 100)).etaMs).toBe(0);
  });

  it("measures the pace from where a resumed run went on: a pause of an hour does not count", () => {
    const resumed = after(started(0), log(10, 20), at(11, { type: "training.paused", step: 20 }), started(3611, 20));
    expect(resumed).toMatchObject({ step: 20, etaMs: null });
    expect(applyProgress(resumed, log(3616, 30)).etaMs).toBe(35_000);
  });

  it("has no estimate before there is a pace", () => {
    expect(after(log(10, 20)).etaMs).toBeNull();
    expect(after(started(0)).etaMs).toBeNull();
  });

  it("keeps the last known value of a metric that a step did not compute", () => {
    const progress = after(
      started(0),
      log(1, 1, { loss: 2, evalLoss: 3, tokensPerSecond: 100 }),
      log(2, 2, { loss: 1.5 }),
    );
    expect(progress).toMatchObject({ step: 2, totalSteps: 100, loss: 1.5, evalLoss: 3, tokensPerSecond: 100 });
  });
});

describe("renderProgress", () => {
  const progress = after(started(0), log(10, 25, { loss: 1.2346, tokensPerSecond: 2530.4, evalLoss: 1.5 }));

  it("tells step, loss, time left and speed", () => {
    expect(renderProgress(progress)).toBe("step 25/100  loss 1.235  ETA 30s  2,530 tokens/s  eval loss 1.500");
  });

  it("draws a bar where there is room", () => {
    expect(renderProgress(progress, 120)).toBe(`█████░░░░░░░░░░░░░░░ ${renderProgress(progress)}`);
  });

  it("never exceeds the width, and drops what matters least", () => {
    expect(renderProgress(progress, 30)).toBe("step 25/100  loss 1.235");
    fc.assert(
      fc.property(fc.nat(150), (columns) => {
        expect(renderProgress(progress, columns).length).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it("has no time left at the end and no total before it is known", () => {
    expect(renderProgress(after(started(0), log(10, 100)))).toBe("step 100/100");
    expect(renderProgress(noProgress)).toBe("step 0");
  });
});

describe("renderEvent", () => {
  it.each<[JobEventBody, string | null]>([
    [{ type: "training.queued" }, "Job job_1 is queued."],
    [{ type: "training.warning", message: "3 rows were cut." }, "Warning: 3 rows were cut."],
    [{ type: "training.paused", step: 7 }, "Paused at step 7."],
    [{ type: "training.cancelled" }, "Cancelled."],
    [{ type: "training.completed", artifacts: [], metrics: null }, "Completed."],
    [
      { type: "training.failed", step: 3, error: { code: "diverged", message: "NaN.", param: null, hint: null } },
      "Failed at step 3: NaN.",
    ],
    [
      {
        type: "checkpoint.saved",
        step: 5,
        artifacts: [{ kind: "checkpoint", step: 5, path: "/c/5", files: [] }],
        metrics: {} as never,
      },
      "Checkpoint saved at step 5 (/c/5).",
    ],
    [
      {
        type: "training.started",
        totalSteps: 10,
        trainableParameters: 1_234_567,
        dataset: { rows: 1000, format: "chatml" },
        resumedFromStep: 0,
      },
      "Training on 1,000 rows (chatml): 10 steps, 1,234,567 trainable parameters.",
    ],
    [
      {
        type: "training.started",
        totalSteps: 10,
        trainableParameters: 1_234_567,
        dataset: { rows: 1000, format: "chatml" },
        resumedFromStep: 0,
        estimate: { memoryBytes: 2.34e9, flopsPerEpoch: 1e15, secondsPerEpoch: 754 },
      },
      "Training on 1,000 rows (chatml): 10 steps, 1,234,567 trainable parameters. An epoch takes about 12m 34s and 2.3 GB of memory.",
    ],
  ])("%j", (body, line) => expect(renderEvent(at(0, body))).toBe(line));

  it("leaves steps to the progress line", () => expect(renderEvent(log(1, 1))).toBeNull());

  it("says when a run continues", () => expect(renderEvent(started(0, 40))).toMatch(/^Continuing from step 40/));
});

describe("numbers", () => {
  it.each([
    [0, "0s"],
    [59_400, "59s"],
    [59_600, "1m 00s"],
    [185_000, "3m 05s"],
    [3_600_000, "1h 00m"],
    [7_620_000, "2h 07m"],
    [273_600_000, "3d 04h"],
  ])("%i ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

  it.each([
    [2.41349, "2.413"],
    [123.45, "123.5"],
    [0.03123, "0.0312"],
    [0, "0.000"],
    [0.0000123, "0.0000123"],
  ])("a loss of %d is %s", (loss, text) => expect(formatLoss(loss)).toBe(text));

  it.each([
    [1_234_567.8, "1,234,568"],
    [9.87, "9.9"],
    [0, "0"],
  ])("a count of %d is %s", (count, text) => expect(formatCount(count)).toBe(text));
});
