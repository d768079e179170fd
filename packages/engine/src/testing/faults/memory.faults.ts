/** F14: memory really runs out in the middle of a step; the run goes on in smaller micro-batches with the same loss curve. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { TrainSpec } from "../../spec.ts";
import { range } from "../../util.ts";
import { temporaryDir, tinySpec } from "../tiny-run.ts";
import { isFull, report } from "./size.ts";
import { lossCollector, startTraining } from "./training-child.ts";

const words = ["red", "blue", "small", "warm", "old", "fast", "quiet", "round"];
const rows = range(128).map((i) => ({
  messages: [
    { role: "user", content: `Say ${words[i % 8]}.` },
    {
      role: "assistant",
      content: range(60)
        .map((n) => `${words[(i + n) % 8]} ${n}`)
        .join(", "),
    },
  ],
}));

/** A step takes some hundred MiB. */
const specOf = (outputDir: string): TrainSpec =>
  tinySpec(outputDir, {
    dataset: { type: "inline", rows },
    packing: true,
    ...{ maxLength: 256, batchSize: 32, maxSteps: 4, saveSteps: 2 },
    lora: { r: 4, alpha: 8, dropout: 0.1 },
  });

/** Bytes of data that a process may have, and has: what malloc is counted by. */
async function dataBytesOf(pid: number): Promise<number> {
  return Number(/VmData:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

const limitData = (pid: number, bytes: number) =>
  promisify(execFile)("prlimit", ["--pid", `${pid}`, `--data=${Math.round(bytes)}`]);

const canLimit = await promisify(execFile)("prlimit", ["--version"]).then(
  () => true,
  () => false,
);

// Only in full: the limit may also hit what a process cannot do without, and then it dies. `fitting-stepper.test.ts` is the short version.
test.runIf(canLimit && isFull)(
  "the loss curve is that of a run with memory to spare, and the user is told",
  async () => {
    const plenty = lossCollector();
    const used = { started: 0, stepping: 0 };
    const reference = startTraining(specOf(await temporaryDir()), async (message) => {
      plenty.onMessage(message);
      if (message.type !== "event") return;
      if (message.event.type === "started") used.started = await dataBytesOf(reference.pid);
      if (message.event.type === "log" && message.event.step === 1) used.stepping = await dataBytesOf(reference.pid);
    });
    await reference.ended;
    expect(plenty.warnings).toEqual([]);

    for (const share of [0.3, 0.45, 0.6]) {
      const tight = lossCollector();
      const limit = used.started + share * (used.stepping - used.started);
      const child = startTraining(specOf(await temporaryDir()), (message) => {
        tight.onMessage(message);
        if (message.type === "ready") void limitData(child.pid, limit);
      });
      expect(await child.ended).toMatchObject({ status: "completed", step: 4 });
      expect(tight.warnings[0]).toContain("Memory ran out");
      expect(tight.lines.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
      for (const [i, { loss, gradNorm }] of tight.lines.entries()) {
        expect(Math.abs(loss! - plenty.lines[i]!.loss!)).toBeLessThan(1e-5);
        expect(Math.abs(gradNorm! - plenty.lines[i]!.gradNorm!)).toBeLessThan(1e-4);
      }
      report(
        `F14: ${(limit / 2 ** 20).toFixed(0)} MiB of data: ${tight.warnings.length} times in smaller micro-batches`,
      );
    }
  },
);
