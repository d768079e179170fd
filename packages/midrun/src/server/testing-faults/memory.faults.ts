/**
 * F14: memory really runs out in the middle of a step. The engine goes on in smaller micro-batches; where its process dies of it, the server
 * starts another one that does. Either way the loss curve is the same.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { isFull, report } from "../../../../engine/src/testing/faults/size.ts";
import { tinySpec } from "../../../../engine/src/testing/tiny-run.ts";
import { range } from "../../../../engine/src/util.ts";
import type { JobEvent } from "../../protocol/event.ts";
import type { Job } from "../../protocol/job.ts";
import { eventsAfter, startServerChild, submit, temporaryDir } from "./server-child.ts";

const words = ["red", "blue", "small", "warm", "old", "fast", "quiet", "round"];
const listing = (i: number) => range(60).map((n) => `${words[(i + n) % 8]} ${n}`);
const rows = range(128).map((i) => ({
  messages: [
    { role: "user", content: `Say ${words[i % 8]}.` },
    { role: "assistant", content: listing(i).join(", ") },
  ],
}));

/** A step takes some hundred MiB. */
const spec = {
  name: "tight",
  model: tinySpec("").modelDir,
  dataset: { type: "inline", rows },
  lora: { r: 4, alpha: 8, dropout: 0.1, maxLength: 256 },
  ...{ packing: true, batchSize: 32, maxSteps: 4, saveSteps: 2 },
};

/** Bytes of data that a process has: what malloc is counted by. */
async function dataBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmData:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

const limitData = (pid: number, bytes: number) =>
  promisify(execFile)("prlimit", ["--pid", `${pid}`, `--data=${Math.round(bytes)}`]);

const canLimit = await promisify(execFile)("prlimit", ["--version"]).then(
  () => true,
  () => false,
);

/** Trains in a server of its own; `watch` is told of its workers again and again. */
async function trainWatched(watch: (worker: number, events: readonly JobEvent[]) => Promise<unknown>) {
  const server = await startServerChild({ dataDir: await temporaryDir() });
  const { id } = await submit(server.url, spec);
  for (;;) {
    const events = await eventsAfter(server.url, id, 0);
    for (const worker of await server.workers()) await watch(worker, events);
    const job = (await (await fetch(`${server.url}/v1/jobs/${id}`)).json()) as Job;
    if (job.status === "completed" || job.status === "failed") {
      const all = await eventsAfter(server.url, id, 0);
      await server.kill();
      return { job, events: all };
    }
    await sleep(10);
  }
}

const logsOf = (events: readonly JobEvent[]) => events.filter((event) => event.type === "training.log");
const warningsOf = (events: readonly JobEvent[]) =>
  events.flatMap((event) => (event.type === "training.warning" ? [event.message] : []));

// Only in full: what the limit hits first is chance. `fitting-stepper.test.ts` and `embedded.test.ts` are the short versions.
test.runIf(canLimit && isFull)(
  "the loss curve is that of a run with memory to spare, and the user is told",
  async () => {
    const used = { started: 0, stepping: 0 };
    const plenty = await trainWatched(async (worker, events) => {
      const bytes = await dataBytesOf(worker);
      if (events.some(({ type }) => type === "training.started")) used.started ||= bytes;
      used.stepping = Math.max(used.stepping, bytes);
    });
    expect(plenty.job.status).toBe("completed");
    expect(warningsOf(plenty.events)).toEqual([]);

    for (const share of [0.3, 0.45, 0.6]) {
      const limit = used.started + share * (used.stepping - used.started);
      const limited = new Set<number>();
      const { job, events } = await trainWatched(async (worker) => {
        if (limited.has(worker)) return;
        limited.add(worker);
        await limitData(worker, limit).catch(() => {}); // it may be gone
      });
      expect(job, JSON.stringify([job.error, warningsOf(events)])).toMatchObject({ status: "completed", step: 4 });
      const warnings = warningsOf(events);
      expect(warnings[0]).toContain("Memory ran out");
      const byStep = new Map(logsOf(events).map((log) => [log.step, log]));
      expect([...byStep.keys()]).toEqual([1, 2, 3, 4]);
      for (const expected of logsOf(plenty.events)) {
        const { loss, gradNorm } = byStep.get(expected.step)!;
        expect(Math.abs(loss! - expected.loss!)).toBeLessThan(1e-5);
        expect(Math.abs(gradNorm! - expected.gradNorm!)).toBeLessThan(1e-4);
      }
      report(
        `F14: ${(limit / 2 ** 20).toFixed(0)} of ${(used.stepping / 2 ** 20).toFixed(0)} MiB of data: ` +
          `${warnings.length} times in smaller micro-batches, in ${limited.size} processes`,
      );
    }
  },
);
