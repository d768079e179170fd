/** A whole server process, killed without warning in the middle of a job, and its successor. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { JobEvent } from "../protocol/event.ts";
import type { Job } from "../protocol/job.ts";

const here = (path: string) => new URL(path, import.meta.url).href;
const engine = (path: string) => new URL(`../../../engine/src/${path}`, import.meta.url).href;
const workerPath = fileURLToPath(new URL("../../../engine/src/testing/scripted-worker.ts", import.meta.url));

const program = `
  import { createApp } from ${JSON.stringify(here("./app.ts"))};
  import { createEmbeddedRunner } from ${JSON.stringify(here("./runners/embedded.ts"))};
  import { raiseFence } from ${JSON.stringify(engine("io/fence.ts"))};
  import { findCheckpoints } from ${JSON.stringify(engine("io/found-checkpoints.ts"))};
  import { listen } from ${JSON.stringify(here("./serve.ts"))};
  import { createSqliteStore } from ${JSON.stringify(here("./stores/sqlite.ts"))};
  const engine = {
    workerPath: ${JSON.stringify(workerPath)}, builtinModels: {}, isEngineError: () => false,
    resolveModelDir: async () => "/models/scripted", raiseFence, findCheckpoints,
  };
  const dataDir = process.argv[1];
  const runners = { embedded: createEmbeddedRunner({ loadEngine: async () => engine }) };
  const app = createApp({ store: createSqliteStore(dataDir + "/midrun.db"), runners, dataDir });
  process.stdout.write((await listen(app, { port: 0 })).url);`;

const total = 150;
const spec = { name: "run", model: "m", dataset: { type: "inline", rows: [{}] }, maxSteps: total, saveSteps: 10 };

let dir: string;
const servers: ChildProcess[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "midrun-restart-"));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await kill(server);
  await rm(dir, { recursive: true });
});

async function start(): Promise<{ url: string; server: ChildProcess }> {
  const args = ["--conditions=midrun-source", "--input-type=module", "--eval", program, dir];
  const server = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  servers.push(server);
  const [url] = await once(server.stdout!, "data");
  return { url: String(url), server };
}

async function kill(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill("SIGKILL");
  await once(server, "exit");
}

/** Reads the job's events after `last` until `enough`, or the end of the stream. */
async function follow(
  url: string,
  id: string,
  last: number,
  enough: (event: JobEvent) => boolean,
): Promise<JobEvent[]> {
  const response = await fetch(`${url}/v1/jobs/${id}/events`, {
    headers: { accept: "text/event-stream", "last-event-id": `${last}` },
  });
  const seen: JobEvent[] = [];
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const frames = (text + chunk).split("\n\n");
    text = frames.pop()!;
    for (const frame of frames) {
      const data = /^id: .*\ndata: (.*)$/m.exec(frame.replace(/^event: .*\n/m, ""))?.[1];
      if (data === undefined) continue;
      seen.push(JSON.parse(data));
      if (enough(seen.at(-1)!)) return seen;
    }
  }
  return seen;
}

it("goes on with the job from its last checkpoint, and the reader sees every event once", async () => {
  const first = await start();
  const created = await fetch(`${first.url}/v1/jobs`, { method: "POST", body: JSON.stringify(spec) });
  const { id } = (await created.json()) as Job;
  const before = await follow(first.url, id, 0, (event) => event.type === "checkpoint.saved" && event.step >= 20);
  await kill(first.server);

  const second = await start();
  const after = await follow(second.url, id, before.at(-1)!.id, () => false);
  const all = [...before, ...after];
  expect(all.map((event) => event.id)).toEqual(all.map((_, i) => i + 1));
  expect(all.at(-1)?.type).toBe("training.completed");
  const starts = all.filter((event) => event.type === "training.started");
  expect(starts).toHaveLength(2);
  expect(starts[1]!.resumedFromStep).toBeGreaterThanOrEqual(20);
  const steps = all
    .slice(all.indexOf(starts[1]!))
    .flatMap((event) => (event.type === "training.log" ? event.step : []));
  const resumed = starts[1]!.resumedFromStep;
  expect(steps).toEqual(Array.from({ length: total - resumed }, (_, i) => resumed + 1 + i));
  expect(all.some((event) => event.type === "training.warning" && event.message.includes("last checkpoint"))).toBe(
    true,
  );
});
