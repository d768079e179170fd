import { expect, test } from "vitest";
import { runTiny, temporaryDir, tinySpec } from "../testing/tiny-run.ts";
import { machinePeak } from "./peak.ts";

test("the peak is measured once for a number of threads, and is a rate that a machine can have", async () => {
  const peak = machinePeak(1);
  expect(machinePeak(1)).toBe(peak);
  expect(await peak).toBeGreaterThan(0.05);
  expect(await peak).toBeLessThan(1e6);
});

test("every step tells its share of it", async () => {
  const { logs } = await runTiny(tinySpec(await temporaryDir(), { maxSteps: 2 }));
  const peak = await machinePeak(1);
  for (const { mfu, gflops } of logs) expect(mfu).toBeCloseTo(gflops! / peak, 12);
  expect(logs).toHaveLength(2);
});

test("a stated peak is not measured", async () => {
  const { logs } = await runTiny(tinySpec(await temporaryDir(), { maxSteps: 1 }), undefined, { peakGflops: 1000 });
  expect(logs[0]!.mfu).toBe(logs[0]!.gflops! / 1000);
});
