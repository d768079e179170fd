/** F8: a thousand readers come and go during a run, and the server is killed in the middle: nobody misses or doubles an event. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createRandom, type Random } from "../../../../engine/src/random.ts";
import { isFull, report, sizeOfCampaign } from "../../../../engine/src/testing/faults/size.ts";
import { range } from "../../../../engine/src/util.ts";
import type { JobEvent } from "../../protocol/event.ts";
import { readEvents } from "./event-reader.ts";
import { eventsAfter, startServerChild, submit, temporaryDir, usageOf } from "./server-child.ts";

const clients = sizeOfCampaign("F8_CLIENTS", { short: 40, full: 1000 });
const steps = sizeOfCampaign("F8_STEPS", { short: 120, full: 600 });
const stepMs = isFull ? 40 : 10;

const spec = { name: "watched", model: "m", dataset: { type: "inline", rows: [{}] }, maxSteps: steps };

interface Seen {
  /** The newest id of each connection's first event, less the id that was asked for: always 1. */
  connections: number;
  replays: number;
  ids: number[];
}

/** Every connection must begin right behind the id that it named and go on without a gap. */
function expectContiguous(events: readonly JobEvent[], after: number): void {
  expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => after + 1 + i));
}

async function client(urlOf: () => string, jobId: string, random: Random): Promise<Seen> {
  const seen: Seen = { connections: 0, replays: 0, ids: [] };
  for (;;) {
    const last = seen.ids.at(-1) ?? 0;
    // Now and then one asks again for what it has had.
    const replays = random.next() < 0.2;
    const after = replays ? Math.floor(random.next() * (last + 1)) : last;
    const patience = 1 + Math.floor(random.next() * steps);
    let count = 0;
    const { events, end } = await readEvents(urlOf(), jobId, after, () => ++count >= patience);
    expectContiguous(events, after);
    seen.connections++;
    if (replays) seen.replays++;
    seen.ids.push(...events.map(({ id }) => id).filter((id) => id > last));
    if (end === "over") return seen;
    if (events.length === 0) await sleep(50 + random.next() * 200);
  }
}

test("every reader gets every event once, in order, with a server that is killed and started again", async () => {
  const dataDir = await temporaryDir();
  let server = await startServerChild({ dataDir, stepMs });
  const { id } = await submit(server.url, spec);
  const before = (await usageOf(server.pid))!;
  const readers = range(clients).map((i) => client(() => server.url, id, createRandom(8, i)));
  const all = Promise.all(readers);
  let peak = before;
  let killed = false;
  let over = false;
  const watching = (async () => {
    while (!over) {
      const usage = await usageOf(server.pid);
      if (usage && usage.rssMiB > peak.rssMiB) peak = usage;
      const reached = killed ? 0 : ((await eventsAfter(server.url, id, steps / 2).catch(() => [])).at(-1)?.id ?? 0);
      if (!killed && reached > 0) {
        killed = true;
        await server.kill();
        server = await startServerChild({ dataDir, stepMs, port: server.port });
      }
      await sleep(100);
    }
  })();
  const seen = await all;
  over = true;
  await watching;

  expect(killed).toBe(true);
  const stored = await eventsAfter(server.url, id, 0);
  const last = (await eventsAfter(server.url, id, stored.at(-1)!.id)).at(-1)?.id ?? stored.at(-1)!.id;
  for (const { ids } of seen) expect(ids).toEqual(range(last).map((i) => i + 1));
  expect(peak.rssMiB - before.rssMiB).toBeLessThan(400);
  const sum = (key: "connections" | "replays") => seen.reduce((total, each) => total + each[key], 0);
  report(
    `F8: ${clients} readers, ${sum("connections")} connections (${sum("replays")} of them replays), ${last} events each; ` +
      `server ${before.rssMiB.toFixed(0)} MiB before, ${peak.rssMiB.toFixed(0)} MiB at most`,
  );
  await server.kill();
});
