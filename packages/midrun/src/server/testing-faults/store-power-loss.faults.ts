/** F3, the store: its log is cut at any byte, as a power cut may; what was acknowledged is there, and nothing by halves. */
import { copyFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRandom } from "../../../../engine/src/random.ts";
import { report, sizeOfCampaign } from "../../../../engine/src/testing/faults/size.ts";
import { range } from "../../../../engine/src/util.ts";
import { exampleMetrics, exampleSpec } from "../stores/conformance.ts";
import { createSqliteStore } from "../stores/sqlite.ts";
import { temporaryDir } from "./server-child.ts";

const changes = 12;
const cuts = sizeOfCampaign("F3_STORE_CUTS", { short: 25, full: 600 });

const timestamp = "2026-01-02T03:04:05.000Z";

/** The job after so many changes. */
interface State {
  step: number;
  events: number;
  checkpoints: number;
}

/** Three events, the job's step and a checkpoint: all of it or nothing. */
const changeOf = (step: number) => ({
  from: ["queued" as const, "running" as const],
  set: { status: "running" as const, step },
  artifacts: [{ kind: "checkpoint" as const, step, path: `/${step}`, files: [], createdAt: timestamp, metrics: null }],
  events: range(3).map((i) => ({ type: "training.log" as const, ...exampleMetrics, step, epoch: i, timestamp })),
});

async function stateIn(path: string): Promise<State | null> {
  const store = createSqliteStore(path);
  try {
    const job = await store.getJob("job_a");
    if (!job) return null;
    const events = await store.listEvents("job_a", { after: 0, limit: 1000 });
    expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1));
    return { step: job.step, events: events.length, checkpoints: job.artifacts.length };
  } finally {
    await store.close();
  }
}

test("wherever the log is cut or torn, every acknowledged change is there and no other by halves", async () => {
  const dir = await temporaryDir();
  const path = join(dir, "midrun.db");
  const store = createSqliteStore(path);
  const lengthOfLog = async () => (await stat(`${path}-wal`)).size;
  await store.createJob(
    { ...{ id: "job_a", name: "a", model: "m", modelName: "ft:m:a", createdAt: timestamp }, spec: exampleSpec },
    { type: "training.queued", timestamp },
  );
  /** Bytes of the log when each change was acknowledged. */
  const acknowledged = [await lengthOfLog()];
  for (const i of range(changes)) {
    await store.changeJob("job_a", changeOf(i + 1));
    acknowledged.push(await lengthOfLog());
  }
  const [database, log] = [await readFile(path), await readFile(`${path}-wal`)];
  await store.close();
  expect(acknowledged.at(-1)).toBe(log.length);

  const random = createRandom(33);
  for (const i of range(cuts)) {
    const copy = join(dir, `cut-${i}.db`);
    const first = acknowledged[0]!;
    const length =
      i < acknowledged.length ? acknowledged[i]! : first + Math.floor(random.next() * (log.length - first + 1));
    const torn = Buffer.from(log.subarray(0, Math.min(log.length, length + 600)));
    // Sectors that were being written hold anything.
    for (let at = length; at < torn.length; at++) torn[at] = Math.floor(random.next() * 256);
    await writeFile(copy, database);
    await writeFile(`${copy}-wal`, torn);
    const done = acknowledged.filter((size) => size <= length).length - 1;
    const expected = (step: number): State => ({ step, events: 1 + 3 * step, checkpoints: step });
    expect(await stateIn(copy), `cut at ${length}`).toEqual(expected(done));
  }
  await copyFile(path, join(dir, "closed.db"));
  expect((await stateIn(join(dir, "closed.db")))?.step).toBe(changes);
  report(`F3 store: ${cuts} cuts of a log of ${log.length} bytes`);
});
