/** F7: requests that are sent twice, at once or later, have one effect; cancelling races with the end, and one of them wins. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createRandom, type Random } from "../../../../engine/src/random.ts";
import { report, sizeOfCampaign } from "../../../../engine/src/testing/faults/size.ts";
import { range } from "../../../../engine/src/util.ts";
import { isTerminalEvent, type JobEvent } from "../../protocol/event.ts";
import type { Job } from "../../protocol/job.ts";
import { createTestApp } from "../../testing.ts";
import type { Store } from "../store.ts";
import { createMemoryStore } from "../stores/memory.ts";
import { createSqliteStore } from "../stores/sqlite.ts";

const trials = sizeOfCampaign("F7_TRIALS", { short: 15, full: 600 });

const spec = { name: "twice", model: "m", dataset: { type: "inline", rows: [{}] }, maxSteps: 12, saveSteps: 3 };
const commands = ["pause", "resume", "cancel"] as const;
type Command = (typeof commands)[number];

interface Answer {
  status: number;
  body: Job & { error?: { code: string } };
}

interface Tally {
  commands: number;
  races: number;
}

async function trial(store: Store, random: Random, tally: Tally): Promise<void> {
  const { fetch, app, errors, close } = createTestApp({ store, fake: {} });
  await app.ready;
  const pick = (count: number) => Math.floor(random.next() * count);
  const post = async (path: string, key: string, body?: object): Promise<Answer> => {
    const init = { method: "POST", headers: { "idempotency-key": key }, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(path, init);
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  };
  /** The same request several times at once. */
  const repeat = (path: string, key: string, body?: object) =>
    Promise.all(range(2 + pick(3)).map(() => post(path, key, body)));

  const created = await repeat("/v1/jobs", "create", spec);
  const ids = new Set(created.map(({ body }) => body.id));
  expect(ids.size).toBe(1);
  const [id] = [...ids] as [string];
  const other = await post("/v1/jobs", "create", { ...spec, maxSteps: 13 });
  expect(other.body.error?.code).toBe("idempotency_conflict");
  expect((await store.listJobs({ limit: 10 })).data).toHaveLength(1);

  const obeyed = { pause: 0, resume: 0, cancel: 0 };
  const sent: [Command, string][] = [];
  for (let i = 0; i < 6; i++) {
    const command = commands[pick(10) === 0 ? 2 : pick(2)]!;
    const key = `${command} ${i}`;
    for (let turn = pick(8); turn > 0; turn--) await nextTurn();
    const answers = await repeat(`/v1/jobs/${id}/${command}`, key);
    const accepted = answers.filter(({ status }) => status === 200);
    if (accepted.length > 0) {
      obeyed[command]++;
      sent.push([command, key]);
    }
    tally.commands++;
  }
  // Later, when the job is somewhere else altogether.
  for (const [command, key] of sent) expect((await post(`/v1/jobs/${id}/${command}`, key)).status).toBe(200);
  await repeat(`/v1/jobs/${id}/resume`, "last resume");
  // The run may be anywhere now, its end included.
  for (let turn = pick(30); turn > 0; turn--) await nextTurn();
  const cancelled = await repeat(`/v1/jobs/${id}/cancel`, "last cancel");

  const events: JobEvent[] = [];
  const job = async () => (await store.getJob(id))!;
  for (let turn = 0; turn < 500 && !events.some(isTerminalEvent); turn++) {
    await nextTurn();
    events.splice(0, Infinity, ...(await store.listEvents(id, { after: 0, limit: 1000 })));
  }
  const ends = events.filter(isTerminalEvent);
  expect(ends).toHaveLength(1);
  expect(events.at(-1)).toEqual(ends[0]);
  expect(ends[0]!.type).toBe(`training.${(await job()).status}`);
  if (cancelled[0]!.status !== 200 && obeyed.cancel === 0) expect((await job()).status).toBe("completed");
  if ((await job()).status === "completed") tally.races++;
  const count = (type: JobEvent["type"]) => events.filter((event) => event.type === type).length;
  expect(count("training.paused")).toBeLessThanOrEqual(obeyed.pause);
  // One when it was created, one for each resume, the last one included.
  expect(count("training.queued")).toBeLessThanOrEqual(obeyed.resume + 2);
  expect(events.map((event) => event.id)).toEqual(events.map((_, i) => i + 1));
  expect(errors).toEqual([]);
  await close();
}

const stores = { memory: () => createMemoryStore(), SQLite: () => createSqliteStore(":memory:") };

test.each(Object.entries(stores))("in %s, one key has one effect, and a job one end", async (name, createStore) => {
  const tally: Tally = { commands: 0, races: 0 };
  for (const i of range(trials)) await trial(createStore(), createRandom(7, i), tally);
  report(
    `F7 ${name}: ${trials} jobs, ${tally.commands} repeated commands, ${tally.races} jobs that finished before the cancel`,
  );
});
