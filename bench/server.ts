/** `npm run bench:server [-- --json]`: events to many followers, reads and the start of a server with a million events stored. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "../packages/engine/src/bench/measure.ts";
import { measureFanOut } from "./server-fan-out.ts";
import { measureReads } from "./server-reads.ts";
import { buildStore } from "./server-store.ts";

const size = { jobs: 10_000, eventsPerJob: 100 };
/** Followers, and the events that each of them is sent. */
const followers: [number, number][] = [
  [1, 5_000],
  [100, 1_000],
  [1_000, 200],
];
const starts = 5;

/** Milliseconds. */
async function measureStart(dataDir: string): Promise<number> {
  const script = fileURLToPath(new URL("./server-start.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=midrun-source", script, dataDir]);
  return Number(stdout);
}

const directory = await mkdtemp(join(tmpdir(), "midrun-bench-"));
try {
  const fanOut = [];
  for (const [streams, events] of followers) fanOut.push(await measureFanOut(directory, streams, events));

  const building = performance.now();
  const storeBytes = await buildStore(join(directory, "midrun.db"), size);
  const buildSeconds = (performance.now() - building) / 1000;
  const startMs: number[] = [];
  while (startMs.length < starts) startMs.push(await measureStart(directory));
  const reads = await measureReads(directory, size);
  report({ fanOut, store: { ...size, bytes: storeBytes, buildSeconds }, reads, startMs: median(startMs) });
} finally {
  await rm(directory, { recursive: true, force: true });
}

interface Report {
  fanOut: Awaited<ReturnType<typeof measureFanOut>>[];
  store: { jobs: number; eventsPerJob: number; bytes: number; buildSeconds: number };
  reads: Awaited<ReturnType<typeof measureReads>>;
  startMs: number;
}

function report({ fanOut, store, reads, startMs }: Report): void {
  const perSecond = (rate: number) => `${Math.round(rate).toLocaleString("en")}/s`;
  const events = store.jobs * store.eventsPerJob;
  const held = `${store.jobs.toLocaleString("en")} jobs, ${events.toLocaleString("en")} events`;
  const rows: [string, string][] = [
    ...fanOut.flatMap(({ streams, appendedPerSecond, deliveredPerSecond }): [string, string][] => [
      [`Events on disk, ${streams} event streams open`, perSecond(appendedPerSecond)],
      ["  … delivered to them, over HTTP", perSecond(deliveredPerSecond)],
    ]),
    [`${held} (${(store.bytes / 2 ** 20).toFixed(0)} MiB, built in ${store.buildSeconds.toFixed(1)} s)`, ""],
    ...Object.entries(reads).map(([what, { p50Ms, p99Ms }]): [string, string] => [
      `  ${what}, p50 and p99`,
      `${p50Ms.toFixed(2)}, ${p99Ms.toFixed(2)} ms`,
    ]),
    [`  process start to the first answer, median of ${starts}`, `${startMs.toFixed(0)} ms`],
  ];
  console.log(`${cpus()[0]!.model.trim()}, ${cpus().length} cores, Node ${process.version}\n`);
  for (const [what, value] of rows) console.log(`${what.padEnd(64)} ${value.padStart(18)}`.trimEnd());
  if (process.argv.includes("--json")) console.log(JSON.stringify({ fanOut, store, reads, startMs }));
}
