/** Reads of a large database, one after the other, through the routes and without a socket. */

import { join } from "node:path";
import { createApp } from "../packages/midrun/src/server/app.ts";
import { createFakeRunner } from "../packages/midrun/src/server/runners/fake.ts";
import { createSqliteStore } from "../packages/midrun/src/server/stores/sqlite.ts";
import { jobIdOf, type StoreSize } from "./server-store.ts";

export interface Latency {
  p50Ms: number;
  p99Ms: number;
}

const reads: Record<string, (jobId: string) => string> = {
  "GET job": (id) => `/v1/jobs/${id}`,
  "GET 20 jobs, from anywhere": (id) => `/v1/jobs?after=${id}`,
  "GET 20 failed jobs, from anywhere": (id) => `/v1/jobs?status=failed&after=${id}`,
  "GET 100 events of a job": (id) => `/v1/jobs/${id}/events`,
  "GET checkpoints of a job": (id) => `/v1/jobs/${id}/checkpoints`,
};

const times = 2000;

function latencyOf(samples: number[]): Latency {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Latency of each kind of read, over jobs spread across the whole database. */
export async function measureReads(directory: string, { jobs }: StoreSize): Promise<Record<string, Latency>> {
  const store = createSqliteStore(join(directory, "midrun.db"));
  const app = createApp({ store, dataDir: directory, runners: { embedded: createFakeRunner() } });
  await app.ready;
  const latencies: Record<string, Latency> = {};
  for (const [what, toPath] of Object.entries(reads)) {
    const samples: number[] = [];
    for (let i = 0; i < times; i++) {
      // A large prime step: no job comes twice, and neighbours lie far apart.
      const path = toPath(jobIdOf(1 + ((i * 7919) % jobs)));
      const start = performance.now();
      const response = await app.request(path);
      await response.text();
      samples.push(performance.now() - start);
      if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}.`);
    }
    latencies[what] = latencyOf(samples);
  }
  await app.close();
  return latencies;
}
