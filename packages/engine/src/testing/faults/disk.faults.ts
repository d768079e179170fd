/** F2: every file-system call of a run fails once; the state stays loadable, and the run that goes on ends with the same bytes. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadLatestCheckpoint } from "../../io/checkpoint.ts";
import type { FileSystem } from "../../io/file-system.ts";
import { makeFaultyFileSystem } from "../../io/testing-faults.ts";
import type { TrainSpec } from "../../spec.ts";
import { train } from "../../train.ts";
import { temporaryDir, tinyModel, tinySpec } from "../tiny-run.ts";
import { isFull, report } from "./size.ts";
import { type LossLine, lossCollector, resultHash } from "./training-child.ts";

const specOf = (dir: string): TrainSpec =>
  tinySpec(dir, {
    maxSteps: 3,
    saveSteps: 1,
    keepCheckpoints: 1,
    evalSplit: { testSize: 0.25, seed: 1 },
    evalSteps: 2,
  });

async function runWith(spec: TrainSpec, fs?: FileSystem): Promise<LossLine[]> {
  const { lines, onEvent } = lossCollector();
  await train(await tinyModel(), spec, { onEvent, threads: 1, ...(fs ? { fs } : {}) });
  return lines;
}

const codes = { ENOSPC: "disk_full", EIO: "io", EMFILE: "io", EACCES: "io", ENOMEM: "out_of_memory" };
/** Calls between two that fail. */
const stride = isFull ? 1 : 61;

async function leftovers(dir: string): Promise<string[]> {
  return (await readdir(dir, { recursive: true })).filter((name) => name.includes(".midrun-"));
}

test.each(Object.entries(codes).slice(0, isFull ? undefined : 2))(
  "whichever call fails with %s",
  async (code, told) => {
    const whole = specOf(await temporaryDir());
    const reference = await runWith(whole);
    const hash = await resultHash(whole.outputDir, whole);
    let tolerated = 0;
    for (let failAt = 1; ; failAt += stride) {
      const spec = specOf(await temporaryDir());
      const { fs, calls } = makeFaultyFileSystem({ failAt, code });
      const error = await runWith(spec, fs).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      const what = `call ${failAt}: ${calls[failAt - 1]}`;
      if (error === null && calls.length >= failAt) tolerated++;
      if (error !== null) {
        expect(error, what).toMatchObject({ code: told, message: expect.stringContaining(code) });
        expect((await loadLatestCheckpoint(spec.outputDir)).warnings, what).toEqual([]);
      }
      const rest = error === null ? [] : await runWith(spec);
      for (const line of rest) expect(line, what).toEqual(reference.find(({ step }) => step === line.step));
      expect(await resultHash(spec.outputDir, spec), what).toBe(hash);
      if (error !== null) expect(await leftovers(join(spec.outputDir, "checkpoints")), what).toEqual([]);
      if (calls.length >= failAt) continue;
      expect(failAt).toBeGreaterThan(100);
      report(`F2 ${code}: ${calls.length} calls, each failed once; ${tolerated} of the failures cost nothing`);
      return;
    }
  },
);

test("a disk that takes a few bytes at a time makes the same bytes", async () => {
  const [whole, slow] = [specOf(await temporaryDir()), specOf(await temporaryDir())];
  await runWith(whole);
  await runWith(slow, makeFaultyFileSystem({ maxWriteBytes: 1000 }).fs);
  expect(await resultHash(slow.outputDir, slow)).toBe(await resultHash(whole.outputDir, whole));
});
