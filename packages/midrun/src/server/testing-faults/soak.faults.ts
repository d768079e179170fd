/** F15: jobs, chats and readers come and go for a long time; memory that is held and open files stay where they are. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { collecting } from "../../../../engine/src/testing/faults/collect.ts";
import { isFull, report, sizeOfCampaign } from "../../../../engine/src/testing/faults/size.ts";
import { tinyChats, tinySpec } from "../../../../engine/src/testing/tiny-run.ts";
import type { Job } from "../../protocol/job.ts";
import { readEvents } from "./event-reader.ts";
import { type ServerChild, startServerChild, submit, temporaryDir, usageOf } from "./server-child.ts";

const seconds = sizeOfCampaign("F15_SECONDS", { short: 4, full: 600 });

const spec = {
  name: "soak",
  model: tinySpec("").modelDir,
  dataset: { type: "inline", rows: tinyChats },
  lora: { r: 4, alpha: 8 },
  ...{ maxSteps: 60, saveSteps: 10, keepCheckpoints: 2, batchSize: 2 },
};

interface Sample {
  minutes: number;
  server: { rssMiB: number; openFiles: number };
  worker: { rssMiB: number; openFiles: number } | null;
}

async function ask(server: ServerChild, model: string): Promise<boolean> {
  const body = { model, messages: [{ role: "user", content: "Say red." }], max_tokens: 8 };
  const response = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(body) });
  await response.text();
  return response.ok;
}

/** One job after the other: followed by readers that come and go, asked when it is done. */
async function work(server: ServerChild, until: number, counts: Record<string, number>): Promise<void> {
  const count = (what: string, by = 1) => {
    counts[what] = (counts[what] ?? 0) + by;
  };
  while (performance.now() < until) {
    const { id } = await submit(server.url, spec);
    for (let last = 0; ; ) {
      const { events, end } = await readEvents(server.url, id, last, () => Math.random() < 0.05);
      last = events.at(-1)?.id ?? last;
      count("events read", events.length);
      if (end === "over") break;
    }
    count("jobs");
    const job = (await (await fetch(`${server.url}/v1/jobs/${id}`)).json()) as Job;
    expect(job.status).toBe("completed");
    for (const model of [job.fineTunedModel!, spec.model]) if (await ask(server, model)) count("answers");
  }
}

/** Least squares: what is gained each minute. */
function slopeOf(points: readonly [minutes: number, value: number][]): number {
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const spread = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  return points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0) / spread;
}

test("memory and open files of server and worker stay flat", async () => {
  const server = await startServerChild({ dataDir: await temporaryDir() }, collecting);
  const counts: Record<string, number> = {};
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  const samples: Sample[] = [];
  const working = work(server, until, counts);
  const everyMs = Math.min(5000, (seconds * 1000) / 20);
  while (performance.now() < until) {
    const [worker] = await server.workers();
    samples.push({
      minutes: (performance.now() - startedAt) / 60_000,
      server: (await usageOf(server.pid))!,
      worker: worker === undefined ? null : await usageOf(worker),
    });
    await sleep(everyMs);
  }
  await working;
  expect(counts.jobs).toBeGreaterThan(0);
  expect(counts.answers).toBe(2 * counts.jobs!);

  // What is loaded and compiled at the beginning is no leak.
  const settled = samples.slice(Math.floor(samples.length * 0.3));
  const serverSlope = slopeOf(settled.map(({ minutes, server }) => [minutes, server.rssMiB]));
  const workers = settled.flatMap(({ minutes, worker }) =>
    worker ? [[minutes, worker.rssMiB] as [number, number]] : [],
  );
  const workerSlope = workers.length > 1 ? slopeOf(workers) : 0;
  const files = settled.map(({ server }) => server.openFiles);
  report(
    `F15: ${seconds} s, ${JSON.stringify(counts)}; server ${settled[0]!.server.rssMiB.toFixed(0)} → ` +
      `${settled.at(-1)!.server.rssMiB.toFixed(0)} MiB (${serverSlope.toFixed(2)} MiB/min), worker ` +
      `${workers[0]?.[1].toFixed(0)} → ${workers.at(-1)?.[1].toFixed(0)} MiB (${workerSlope.toFixed(2)} MiB/min); ` +
      `open files of the server ${Math.min(...files)} to ${Math.max(...files)}`,
  );
  expect(Math.max(...files) - Math.min(...files)).toBeLessThan(30);
  if (isFull) expect(serverSlope).toBeLessThan(2);
  // Prompts of the adapters that were asked last, and the allocator's own holes.
  if (isFull) expect(workerSlope).toBeLessThan(5);
  await server.kill();
});
