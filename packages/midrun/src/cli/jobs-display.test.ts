import { expect, it } from "vitest";
import { createClient } from "../client/client.ts";
import type { JobEvent, JobEventBody } from "../protocol/event.ts";
import { log, saved, started } from "../trainer/fake-job-server.ts";
import { fakeIo } from "./fake-io.ts";
import type { CliIo } from "./io.ts";
import { createJobsDisplay } from "./jobs-display.ts";

function show(columns: number | null, events: [name: string, seconds: number, body: JobEventBody][]) {
  const io = fakeIo(createClient({ fetch: () => new Response() }), { columns });
  const display = createJobsDisplay(io as unknown as CliIo);
  events.forEach(([name, seconds, body], i) => {
    const event = { ...body, id: i + 1, jobId: name, timestamp: new Date(seconds * 1000).toISOString() };
    display.event({ id: name, name }, event as JobEvent);
  });
  return io.written.out;
}

it("where lines stay: each job's own, its steps now and then, its last one always", () => {
  const out = show(null, [
    ["a", 0, started],
    ["a", 1, log(1)],
    ["b", 1, started],
    ["a", 2, log(2)],
    ["b", 2, log(1)],
    ["a", 3, saved(2)],
    ["a", 6.5, log(3)],
    ["a", 7, log(4)],
  ]);
  expect(out.split("\n").map((line) => line.slice(0, 11))).toEqual([
    "a: Training",
    "a: step 1/4",
    "b: Training",
    "b: step 1/4",
    "a: Checkpoi",
    "a: step 3/4",
    "a: step 4/4",
    "",
  ]);
});

it("on a terminal: one moving line, of the job that stepped last, within the width", () => {
  const out = show(30, [
    ["a", 0, started],
    ["a", 1, log(1)],
    ["a job with a long name indeed", 1, log(2)],
    ["a", 2, saved(2)],
  ]);
  const lines = out.split("\r\x1b[2K");
  expect(lines.slice(1, -1).every((line) => line.length < 30 || line.endsWith("\n"))).toBe(true);
  expect(out.split("\n").at(-1)).toMatch(/^a job with a long name indeed$/);
  expect(out).toContain("a: Checkpoint saved at step 2");
});
