/** F9: readers that hardly read cost the server nothing and slow no training; a trainer's callbacks cannot either. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { isFull, report, sizeOfCampaign } from "../../../../engine/src/testing/faults/size.ts";
import { range } from "../../../../engine/src/util.ts";
import type { Job } from "../../protocol/job.ts";
import { type ServerChild, startServerChild, submit, temporaryDir, usageOf } from "./server-child.ts";

const readers = sizeOfCampaign("F9_READERS", { short: 10, full: 100 });
const steps = sizeOfCampaign("F9_STEPS", { short: 300, full: 3000 });

const spec = { name: "slow", model: "m", dataset: { type: "inline", rows: [{}] }, maxSteps: steps };

/** Asks for the stream, and then takes a byte a second. */
function readSlowly(server: ServerChild, jobId: string): Socket {
  const socket = connect({ host: "127.0.0.1", port: server.port });
  socket.on("error", () => {}); // the server is killed at the end
  const timer = setInterval(() => socket.read(1), 1000);
  socket.on("close", () => clearInterval(timer));
  socket.pause();
  socket.write(`GET /v1/jobs/${jobId}/events HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n`);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Milliseconds until the job is over. */
async function runJob(server: ServerChild, watched: boolean): Promise<{ ms: number; growthMiB: number }> {
  const before = (await usageOf(server.pid))!;
  const startedAt = performance.now();
  const { id } = await submit(server.url, spec);
  const sockets = watched ? range(readers).map(() => readSlowly(server, id)) : [];
  let peak = before.rssMiB;
  for (;;) {
    peak = Math.max(peak, (await usageOf(server.pid))!.rssMiB);
    const job = (await (await fetch(`${server.url}/v1/jobs/${id}`)).json()) as Job;
    if (job.status === "completed") break;
    await sleep(50);
  }
  const ms = performance.now() - startedAt;
  for (const socket of sockets) socket.destroy();
  return { ms, growthMiB: peak - before.rssMiB };
}

test("a reader of one byte a second costs no memory and no time", async () => {
  const server = await startServerChild({ dataDir: await temporaryDir(), stepMs: 1 });
  await runJob(server, false);
  const alone = await runJob(server, false);
  const watched = await runJob(server, true);
  report(
    `F9: ${steps} steps in ${alone.ms.toFixed(0)} ms alone and ${watched.ms.toFixed(0)} ms with ${readers} readers of 1 B/s; ` +
      `the server grew by ${watched.growthMiB.toFixed(0)} MiB`,
  );
  // Sockets take in a few MiB each; this is what frames cost until they are collected.
  if (isFull) expect(watched.growthMiB).toBeLessThan(300);
  expect(watched.ms).toBeLessThan(3 * alone.ms + 2000);
  await server.kill();
});
