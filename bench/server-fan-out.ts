/** Events of one running job, each on disk before it is told, sent to many followers over HTTP. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createApp } from "../packages/midrun/src/server/app.ts";
import type { Runner, RunnerEvent } from "../packages/midrun/src/server/runner.ts";
import { listen } from "../packages/midrun/src/server/serve.ts";
import type { Store } from "../packages/midrun/src/server/store.ts";
import { createSqliteStore } from "../packages/midrun/src/server/stores/sqlite.ts";
import type { StreamsMessage } from "./server-streams.ts";

const logOf = (step: number): RunnerEvent => ({
  ...{ type: "training.log", step, totalSteps: null, loss: 3 / step, evalLoss: null, evalAccuracy: null },
  ...{ learningRate: 2e-4, epoch: step / 30, samplesPerSecond: 8.25, tokensPerSecond: 2041.5, gradNorm: 0.73 },
  ...{ accuracy: 0.62, gflops: 240.1, mfu: 0.8, paddingShare: 0.07, supervisedShare: 0.41 },
});

/** A runner without a model: it logs `events` steps once `begin` resolves, a few in every turn of the event loop. */
function createBurstRunner(events: number, begin: Promise<void>): Runner {
  const burst = async (onEvent: (event: RunnerEvent) => void) => {
    await begin;
    for (let step = 1; step <= events; step++) {
      onEvent(logOf(step));
      if (step % 4 === 0) await setImmediate();
    }
    return { status: "completed" as const, step: events, artifact: null, metrics: null };
  };
  return {
    preflight: async () => {},
    train: (_, __, onEvent) => ({ result: burst(onEvent), command() {} }),
    recover: async () => [],
    generate() {
      throw new Error("This runner answers nothing.");
    },
    close: async () => {},
  };
}

export interface FanOut {
  streams: number;
  /** Events of the job. */
  events: number;
  /** Until the last of them was on disk. */
  appendedPerSecond: number;
  /** Events that reached a follower, all followers together, until the last had its last. */
  deliveredPerSecond: number;
}

/** The store, and the moment at which its first job was completed on disk. */
function watchCompletion(store: Store): { store: Store; completed: Promise<number> } {
  const { promise: completed, resolve } = Promise.withResolvers<number>();
  const changeJob: Store["changeJob"] = async (jobId, change) => {
    const result = await store.changeJob(jobId, change);
    if (result?.status === "completed") resolve(performance.now());
    return result;
  };
  return { store: { ...store, changeJob }, completed };
}

/** A process that follows the job on `streams` connections; `next` waits for what it tells. */
function startFollowers(url: string, jobId: string, streams: number) {
  const script = fileURLToPath(new URL("./server-streams.ts", import.meta.url));
  const followers = fork(script, [url, jobId, String(streams)]);
  const died = once(followers, "exit").then(([code]) => {
    throw new Error(`The followers' process ended with code ${code}.`);
  });
  died.catch(() => {});
  return async function next<T extends StreamsMessage["type"]>(type: T): Promise<Extract<StreamsMessage, { type: T }>> {
    const [message] = (await Promise.race([once(followers, "message"), died])) as [StreamsMessage];
    if (message.type !== type) throw new Error(`Expected "${type}", got "${message.type}".`);
    return message as Extract<StreamsMessage, { type: T }>;
  };
}

/** Followers live in another process, as they would. */
export async function measureFanOut(directory: string, streams: number, events: number): Promise<FanOut> {
  const go = Promise.withResolvers<void>();
  const { store, completed } = watchCompletion(createSqliteStore(join(directory, `fan-out-${streams}.db`)));
  const app = createApp({ store, dataDir: directory, runners: { embedded: createBurstRunner(events, go.promise) } });
  const { url, close } = await listen(app, { port: 0 });
  const body = JSON.stringify({ name: "bench", model: "any", dataset: { type: "inline", rows: [{}] } });
  const created = await fetch(`${url}/v1/jobs`, { method: "POST", body });
  const { id } = (await created.json()) as { id: string };

  const next = startFollowers(url, id, streams);
  await next("listening");
  const startedAt = performance.now();
  go.resolve();
  const { events: received } = await next("done");
  const deliveredMs = performance.now() - startedAt;
  const appendedMs = (await completed) - startedAt;
  await close();
  await app.close();
  return {
    streams,
    events: received,
    appendedPerSecond: (1000 * events) / appendedMs,
    deliveredPerSecond: (1000 * received * streams) / deliveredMs,
  };
}
