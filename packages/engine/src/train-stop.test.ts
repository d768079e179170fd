import { writeFileSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findCheckpoints } from "./io/found-checkpoints.ts";
import { runTiny, temporaryDir, tinySpec } from "./testing/tiny-run.ts";

const bytesOf = (dir: string) => readFile(join(dir, "adapter_model.safetensors"));
const stepDir = (dir: string, step: number) => join(dir, "checkpoints", `step-${`${step}`.padStart(6, "0")}`);

describe("a run that is stopped", () => {
  test("ends with what it has learnt, and a checkpoint of that", async () => {
    const dir = await temporaryDir();
    const { result, logs } = await runTiny(tinySpec(dir, { saveSteps: 10 }), (done) => (done === 4 ? "stop" : null));
    expect(result).toMatchObject({ status: "completed", step: 4, resultStep: 4, metrics: { step: 4 } });
    expect(logs).toHaveLength(4);
    expect(await bytesOf(result.adapterDir!)).toEqual(await bytesOf(stepDir(dir, 4)));
  });

  test("before its first step does that one", async () => {
    const { result } = await runTiny(tinySpec(await temporaryDir()), (done) => (done === 0 ? "stop" : null));
    expect(result).toMatchObject({ status: "completed", step: 1 });
  });

  test("while it is paused gives the paused state's weights without a step", async () => {
    const dir = await temporaryDir();
    await runTiny(tinySpec(dir), (done) => (done === 3 ? "pause" : null));
    const { result, logs } = await runTiny(tinySpec(dir), () => "stop");
    expect(result).toMatchObject({ status: "completed", step: 3 });
    expect(logs).toEqual([]);
    expect(await bytesOf(result.adapterDir!)).toEqual(await bytesOf(stepDir(dir, 3)));
  });
});

describe("a run that a later one has replaced", () => {
  const outcomeOf = (dir: string, ghostSteps: number) =>
    // The later run begins while this one is between two steps.
    runTiny(tinySpec(dir, { fence: 1, saveSteps: 4 }), (done) => {
      if (done === ghostSteps) writeFileSync(join(dir, ".midrun-fence-2"), "");
      return null;
    });

  test.each([2, 9])("after step %d writes no checkpoint and no adapter any more", async (step) => {
    const dir = await temporaryDir();
    await expect(outcomeOf(dir, step)).rejects.toMatchObject({ code: "aborted" });
    const saved = (await findCheckpoints(dir)).map((each) => each.step);
    expect(saved).toEqual([4, 8].filter((each) => each <= step));
    expect(await readdir(dir)).not.toContain("adapter");
  });

  test("does not begin, and the later one ends with the same bytes as if it had been alone", async () => {
    const [alone, shared] = [await temporaryDir(), await temporaryDir()];
    const reference = await runTiny(tinySpec(alone));
    await outcomeOf(shared, 6).catch(() => {});
    const { result } = await runTiny(tinySpec(shared, { fence: 2, saveSteps: 4 }));
    await expect(runTiny(tinySpec(shared, { fence: 1, saveSteps: 4 }))).rejects.toMatchObject({ code: "aborted" });
    expect(await bytesOf(result.adapterDir!)).toEqual(await bytesOf(reference.result.adapterDir!));
  });
});

describe("findCheckpoints", () => {
  test("tells of what was saved as the run did, and leaves out what is no checkpoint", async () => {
    const dir = await temporaryDir();
    const { events } = await runTiny(tinySpec(dir, { saveSteps: 4, maxSteps: 8 }));
    const told = events.flatMap((event) => (event.type === "checkpoint" ? [event] : []));
    const found = await findCheckpoints(dir);
    expect(found.map(({ step, files, epoch }) => ({ step, files, epoch }))).toEqual(
      told.map(({ step, files, metrics }) => ({ step, files, epoch: metrics.epoch })),
    );
    expect(found.map(({ metrics }) => metrics.loss)).toEqual(told.map(({ metrics }) => metrics.loss));
    await rm(join(stepDir(dir, 4), "state.json"));
    await writeFile(join(stepDir(dir, 8), "state.json"), "{");
    expect(await findCheckpoints(dir)).toEqual([]);
    expect(await findCheckpoints(join(dir, "nowhere"))).toEqual([]);
  });
});
