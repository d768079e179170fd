/** F1 from outside: server and worker are killed at random moments and started again; the job ends as if nothing had happened. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createRandom } from "../../../../engine/src/random.ts";
import { report, sizeOfCampaign } from "../../../../engine/src/testing/faults/size.ts";
import { tinyChats, tinySpec } from "../../../../engine/src/testing/tiny-run.ts";
import { isTerminalEvent, type JobEvent } from "../../protocol/event.ts";
import { eventsAfter, type ServerChild, startServerChild, submit, temporaryDir } from "./server-child.ts";

const kills = sizeOfCampaign("F1_SERVER_KILLS", { short: 2, full: 100 });

const spec = {
  name: "killed",
  model: tinySpec("").modelDir,
  dataset: { type: "inline", rows: tinyChats },
  lora: { r: 4, alpha: 8, dropout: 0.2 },
  datasetSplit: { enabled: true, testSize: 0.25, seed: 1 },
  evalSteps: 10,
  ...{
    maxSteps: 120,
    batchSize: 2,
    gradientAccumulationSteps: 2,
    saveSteps: 10,
    keepCheckpoints: 2,
    learningRate: 5e-3,
  },
};

const random = createRandom(1);
const pollMs = 20;

/** A job as its watcher sees it, whatever happens to the server. */
interface Watched {
  id: string;
  events: JobEvent[];
}

/** Reads on until the job is over or it is `enough`, which is told what came last. True: it is over. */
async function watch(
  server: ServerChild,
  job: Watched,
  enough: (more: readonly JobEvent[]) => boolean,
): Promise<boolean> {
  for (;;) {
    const more = await eventsAfter(server.url, job.id, job.events.at(-1)?.id ?? 0);
    job.events.push(...more);
    if (more.some(isTerminalEvent)) return true;
    if (enough(more)) return false;
    await sleep(pollMs);
  }
}

const afterMs = (ms: number) => {
  const until = performance.now() + ms;
  return () => performance.now() >= until;
};
const hasStep = (events: readonly JobEvent[]) => events.some(({ type }) => type === "training.log");

/** When a server is killed: while the worker loads, or at some time of its training. */
const moments = ["loading", "training", "training"] as const;

/** How long the job takes when nothing happens. */
interface Times {
  /** To the first step. */
  loadingMs: number;
  /** From there to the end. */
  trainingMs: number;
}

/** True: the job was over before the moment came. */
async function watchUntil(
  moment: (typeof moments)[number],
  server: ServerChild,
  job: Watched,
  { loadingMs, trainingMs }: Times,
): Promise<boolean> {
  if (moment === "loading") return watch(server, job, afterMs(random.next() * loadingMs));
  return (await watch(server, job, hasStep)) || watch(server, job, afterMs((random.next() * trainingMs) / 2));
}

const linesOf = (events: JobEvent[]) =>
  events.flatMap((event) => {
    if (event.type !== "training.log") return [];
    const { step, loss, evalLoss, gradNorm } = event;
    return [{ step, loss, evalLoss, gradNorm }];
  });

async function hashOf(events: JobEvent[]): Promise<string> {
  const end = events.at(-1)!;
  expect(end).toMatchObject({ type: "training.completed" });
  const { path } = (end as Extract<JobEvent, { type: "training.completed" }>).artifacts.at(-1)!;
  return createHash("sha256")
    .update(await readFile(join(path, "adapter_model.safetensors")))
    .digest("hex");
}

const killQuietly = (pid: number) => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It went on its own: its server is gone.
  }
};

const ways = ["server, then worker", "worker, then server", "server"] as const;

async function killBoth(server: ServerChild, way: (typeof ways)[number]): Promise<void> {
  const workers = await server.workers();
  if (way === "worker, then server") for (const pid of workers) killQuietly(pid);
  await server.kill();
  if (way !== "server") for (const pid of workers) killQuietly(pid);
}

test("killed at random moments, the job ends with the same bytes and a history without gaps", async () => {
  const dataDir = await temporaryDir();
  let server = await startServerChild({ dataDir });
  const begin = async (): Promise<Watched> => ({ id: (await submit(server.url, spec)).id, events: [] });

  const whole = await begin();
  const times = [performance.now()];
  await watch(server, whole, hasStep);
  times.push(performance.now());
  await watch(server, whole, () => false);
  times.push(performance.now());
  const [loadingMs, trainingMs] = times.slice(1).map((time, i) => time - times[i]!) as [number, number];
  const [lines, hash] = [linesOf(whole.events), await hashOf(whole.events)];
  expect(lines).toHaveLength(spec.maxSteps);

  const counts = { loading: 0, training: 0, jobs: 0, repeated: 0 };
  const killed = () => counts.loading + counts.training;
  while (killed() < kills) {
    const job = await begin();
    for (;;) {
      const moment = moments[Math.floor(random.next() * moments.length)]!;
      const over =
        killed() < kills
          ? await watchUntil(moment, server, job, { loadingMs, trainingMs })
          : await watch(server, job, () => false);
      if (over) break;
      await killBoth(server, ways[Math.floor(random.next() * ways.length)]!);
      counts[moment]++;
      server = await startServerChild({ dataDir });
    }
    counts.jobs++;
    expect(job.events.map(({ id }) => id)).toEqual(job.events.map((_, i) => i + 1));
    expect(job.events.filter(isTerminalEvent)).toHaveLength(1);
    const seen = linesOf(job.events);
    counts.repeated += seen.length - lines.length;
    for (const line of seen) expect(line).toEqual(lines[line.step - 1]);
    expect(new Set(seen.map(({ step }) => step)).size).toBe(lines.length);
    expect(await hashOf(job.events)).toBe(hash);
  }
  report(
    `F1 server: ${killed()} kills of server and worker, ${counts.training} of them during training, over ${counts.jobs} jobs; ` +
      `${counts.repeated} steps were repeated`,
  );
  await server.kill();
});
