import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { makeFaultyFileSystem } from "./io/testing-faults.ts";
import type { TrainEvent } from "./spec.ts";
import { temporaryDir, tinyModel, tinySpec } from "./testing/tiny-run.ts";
import { train } from "./train.ts";

async function runWith(memoryBytes: number) {
  const events: TrainEvent[] = [];
  const dir = await temporaryDir();
  const onEvent = (event: TrainEvent) => events.push(event);
  const run = train(await tinyModel(), tinySpec(dir, { maxSteps: 1 }), { onEvent, threads: 1, memoryBytes });
  return { run, events, dir };
}

test("a run that no memory holds is refused before anything is compiled or written", async () => {
  const { run, events, dir } = await runWith(1000);
  await expect(run).rejects.toMatchObject({ code: "invalid_config", message: expect.stringContaining("0.0000010 GB") });
  expect(events).toEqual([]);
  expect(await readdir(dir)).toEqual([]);
});

test("one that fits barely warns, one that fits does not", async () => {
  const refused = await runWith(1000);
  const message = await refused.run.then(
    () => "",
    (error: Error) => error.message,
  );
  const needed = Number(/about ([\d.]+) GB/.exec(message)![1]) * 1e9;
  const tight = await runWith(needed * 1.1);
  await tight.run;
  expect(tight.events[0]).toMatchObject({ type: "warning", message: expect.stringContaining("needs about") });
  const easy = await runWith(needed * 2);
  await easy.run;
  expect(easy.events.map(({ type }) => type)).not.toContain("warning");
});

test("memory that runs out outside of a step is told as that, and what to lower", async () => {
  const { fs, calls } = makeFaultyFileSystem({ failAt: 30, code: "ENOMEM" });
  const spec = tinySpec(await temporaryDir(), { maxSteps: 2, saveSteps: 1 });
  const error = { code: "out_of_memory", param: "batchSize", message: expect.stringContaining("ENOMEM") };
  await expect(train(await tinyModel(), spec, { onEvent: () => {}, threads: 1, fs })).rejects.toMatchObject(error);
  expect(calls.length).toBeGreaterThanOrEqual(30);
});
