import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobEventBody } from "../../protocol/event.ts";
import { createTrainer } from "../../trainer/create-trainer.ts";
import {
  cancelled,
  completed,
  type FakeServer,
  failed,
  fakeJobServer,
  log,
  minimalInput,
  saved,
  started,
} from "../../trainer/fake-job-server.ts";
import type { TrainerInput } from "../../trainer/trainer-input.ts";
import { fakeIo } from "../fake-io.ts";
import { runCli } from "../program.ts";

const shared = globalThis as { trainerUnderTest?: unknown };
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "midrun-start-"));
  await writeFile(join(directory, "entry.mjs"), "export const trainer = globalThis.trainerUnderTest;");
});
afterEach(async () => {
  delete shared.trainerUnderTest;
  await rm(directory, { recursive: true });
});

function prepare(server: FakeServer, input: Partial<TrainerInput> = {}, io: Parameters<typeof fakeIo>[1] = {}) {
  shared.trainerUnderTest = createTrainer({ ...minimalInput, ...input }, { client: server.client });
  const terminal = fakeIo(server.client, io);
  return {
    terminal,
    run: (...options: string[]) => runCli(["start", join(directory, "entry.mjs"), ...options], terminal),
  };
}

const paused: JobEventBody = { type: "training.paused", step: 2 };

describe("midrun start", () => {
  it("shows the run in plain lines and says what it made", async () => {
    const { terminal, run } = prepare(fakeJobServer([started, log(1), saved(1), log(4), completed]));
    expect(await run()).toBe(0);
    expect(terminal.written.out.split("\n")).toEqual([
      "Training on 1 rows (text): 4 steps, 10 trainable parameters.",
      "step 1/4  loss 1.000  ETA 3s",
      "Checkpoint saved at step 1 (/jobs/job-1/step-1).",
      "step 4/4  loss 0.250",
      "Completed.",
      "Saved: /jobs/job-1/adapter",
      "Ask it: midrun chat job-1",
      "",
    ]);
  });

  it("keeps one moving line on a terminal, with everything else above it", async () => {
    const { terminal, run } = prepare(
      fakeJobServer([started, log(1), saved(1), log(2), completed]),
      {},
      { columns: 80 },
    );
    await run();
    const screen = terminal.written.out.split("\n").map((line) => line.split("\r\x1b[2K").at(-1));
    expect(screen.slice(0, 3)).toEqual([
      "Training on 1 rows (text): 4 steps, 10 trainable parameters.",
      "Checkpoint saved at step 1 (/jobs/job-1/step-1).",
      "Completed.",
    ]);
    expect(screen[3]).toMatch(/^█+░+ step 2\/4 {2}loss 0.500/);
    expect(Math.max(...screen.map((line) => line?.length ?? 0))).toBeLessThan(80);
  });

  it("keeps what callbacks write above that line, also a line that comes in pieces", async () => {
    const server = fakeJobServer([started, log(1), log(2), log(3), completed]);
    const onLog = ({ step }: { step: number }) => {
      terminal.say(step === 1 ? "whole line\n" : step === 2 ? "in pie" : "ces\n");
    };
    const { terminal, run } = prepare(server, { callbacks: { onLog } }, { columns: 80 });
    await run();
    const screen = terminal.written.out.split("\n").map((line) => line.split("\r\x1b[2K").at(-1));
    expect(screen).toContain("whole line");
    expect(screen.filter((line) => line?.includes("step")).length).toBeLessThanOrEqual(2);
    expect(screen.join("|")).toMatch(/in pie\|?.*ces/);
    expect(screen).toContain("Completed.");
  });

  it("--json prints events alone", async () => {
    const { terminal, run } = prepare(fakeJobServer([started, log(1), completed]));
    expect(await run("--json")).toBe(0);
    const types = terminal.written.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).type);
    expect(types).toEqual(["training.started", "training.log", "training.completed"]);
  });

  it("--json keeps what callbacks write out of the data", async () => {
    const onLog = () => terminal.say("from a callback\n");
    const { terminal, run } = prepare(fakeJobServer([started, log(1), completed]), { callbacks: { onLog } });
    expect(await run("--json")).toBe(0);
    expect(terminal.written.err).toBe("from a callback\n");
    expect(terminal.written.out).not.toContain("callback");
  });

  it.each([
    ["failed", failed, /job job-1 failed: The loss became NaN at step 2\.\n {2}Lower learningRate\./],
    ["cancelled", cancelled, /job job-1 was cancelled/],
  ] as const)("a job that %s gives code 1 and the reason", async (_, event, reason) => {
    const { terminal, run } = prepare(fakeJobServer([started, event]));
    expect(await run()).toBe(1);
    expect(terminal.written.err).toMatch(reason);
  });

  it("refuses a misspelt trainer name", async () => {
    const { terminal, run } = prepare(fakeJobServer([]));
    expect(await run("--trainer", "other")).toBe(1);
    expect(terminal.written.err).toContain("It has run.");
  });

  it("pauses at the first Ctrl-C and says how to go on", async () => {
    const server = fakeJobServer([started], { ending: "hang" });
    const { terminal, run } = prepare(server, { callbacks: { onStarted: () => terminal.interrupt() } });
    expect(await run()).toBe(130);
    expect(server.requests).toContain("POST /v1/jobs/job-1/pause");
    expect(terminal.written.err).toContain("midrun jobs resume job-1");
    expect(terminal.left).toEqual([]);
  });

  it("leaves at the second Ctrl-C", async () => {
    const server = fakeJobServer([started], { ending: "hang" });
    const onStarted = () => {
      terminal.interrupt();
      terminal.interrupt();
    };
    const { terminal, run } = prepare(server, { callbacks: { onStarted } });
    await run();
    expect(terminal.left).toEqual([130]);
  });

  it("goes on when somebody else paused the job", async () => {
    const resumed: JobEventBody = { ...(started as JobEventBody & { type: "training.started" }), resumedFromStep: 2 };
    const { terminal, run } = prepare(fakeJobServer([started, paused, resumed, completed]));
    expect(await run()).toBe(0);
    expect(terminal.written.out).toMatch(/Paused at step 2\.\nContinuing from step 2.*\nCompleted\./);
  });

  it("a callback that throws ends it with that error; the job on the server goes on", async () => {
    const server = fakeJobServer([started, log(1)], { ending: "hang" });
    const onLog = () => {
      throw new Error("my bug");
    };
    const { terminal, run } = prepare(server, { callbacks: { onLog } });
    expect(await run()).toBe(1);
    expect(terminal.written.err).toMatch(/Job job-1 goes on.*\nmidrun: my bug\n/s);
    expect(server.requests).not.toContain("POST /v1/jobs/job-1/pause");
  });

  it("a callback that throws pauses a job that lives in this process, so that nothing is lost", async () => {
    const server = fakeJobServer([started, log(1)], { ending: "hang" });
    const onLog = () => {
      throw new Error("my bug");
    };
    const { terminal, run } = prepare(
      { ...server, client: { ...server.client, inProcess: true } },
      { callbacks: { onLog } },
    );
    expect(await run()).toBe(1);
    expect(server.requests).toContain("POST /v1/jobs/job-1/pause");
    expect(terminal.written.err).toMatch(/is paused\. Continue with: midrun jobs resume job-1\nmidrun: my bug/);
  });

  it("tells the first error also when the pause after it fails", async () => {
    const server = fakeJobServer([started], { ending: "hang" });
    const jobs = { ...server.client.jobs, pause: () => Promise.reject(new Error("no disk")) };
    const onStarted = () => {
      throw new Error("my bug");
    };
    const client = { ...server.client, jobs, inProcess: true };
    const { terminal, run } = prepare({ ...server, client }, { callbacks: { onStarted } });
    expect(await run()).toBe(1);
    expect(terminal.written.err).toMatch(/midrun: no disk\n.*midrun: my bug\n/s);
  });
});
