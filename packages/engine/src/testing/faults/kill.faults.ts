/** F1: kill -9 at random moments, again and again; the run always ends with the same losses and the same bytes. */
import { watch } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRandom, type Random } from "../../random.ts";
import type { TrainResult } from "../../spec.ts";
import type { WorkerMessage } from "../../worker-protocol.ts";
import { temporaryDir } from "../tiny-run.ts";
import { isFull, report, sizeOfCampaign } from "./size.ts";
import { disturbedRuns, disturbedSpec } from "./specs.ts";
import { type LossLine, lossCollector, resultHash, startTraining } from "./training-child.ts";

const names = Object.keys(disturbedRuns).slice(0, isFull ? undefined : 2);
const kills = Math.ceil(sizeOfCampaign("F1_KILLS", { short: 2, full: 240 }) / names.length);

interface Undisturbed {
  lines: LossLine[];
  hash: string;
  result: TrainResult;
  /** From the start of the process to the first step. */
  loadingMs: number;
  /** From there to the end of the run. */
  trainingMs: number;
}

async function runUndisturbed(name: string): Promise<Undisturbed> {
  const spec = disturbedSpec(await temporaryDir(), name);
  const { lines, onMessage } = lossCollector();
  const times = [performance.now()];
  const result = await startTraining(spec, (message) => {
    onMessage(message);
    if (isStart(message)) times.push(performance.now());
  }).ended;
  times.push(performance.now());
  const [loadingMs, trainingMs] = times.slice(1).map((time, i) => time - times[i]!) as [number, number];
  return { lines, hash: await resultHash(spec.outputDir, spec), result: result!, loadingMs, trainingMs };
}

const isStart = (message: WorkerMessage) => message.type === "event" && message.event.type === "started";

/** When a process is killed: while it loads, at some time of its training, or a moment after it began to write a checkpoint. */
const moments = ["loading", "training", "training", "saving", "saving"] as const;

interface Arming {
  /** Where checkpoints are written. */
  dir: string;
  random: Random;
  whole: Undisturbed;
  kill(): void;
}

/** Waits for the moment to kill. `onMessage` is told what the worker says. */
function armKill({ dir, random, whole, kill }: Arming) {
  const moment = moments[Math.floor(random.next() * moments.length)]!;
  let timer: NodeJS.Timeout | undefined;
  const killWithin = (ms: number) => {
    timer ??= setTimeout(kill, random.next() * ms);
  };
  // Some saves pass, so that the run gets on.
  let spared = Math.floor(random.next() * 3);
  const onFile = (file: string | null) => {
    if (file?.startsWith(".midrun-new-step-") && spared-- <= 0) killWithin(4);
  };
  const watcher = moment === "saving" ? watch(dir, (_, file) => onFile(file)) : null;
  if (moment === "loading") killWithin(whole.loadingMs);
  return {
    onMessage(message: WorkerMessage) {
      if (moment === "training" && isStart(message)) killWithin(whole.trainingMs);
    },
    disarm() {
      watcher?.close();
      clearTimeout(timer);
    },
  };
}

const leftovers = async (dir: string) => (await readdir(dir)).filter((name) => name.startsWith(".midrun-"));

test.each(names)("%s: killed at random moments, the run ends as if nothing had happened", async (name) => {
  const whole = await runUndisturbed(name);
  const random = createRandom(2026, [names.indexOf(name)]);
  const counts = { kills: 0, insideSaves: 0, finished: 0 };
  while (counts.kills < kills) {
    const spec = disturbedSpec(await temporaryDir(), name);
    const checkpoints = join(spec.outputDir, "checkpoints");
    await mkdir(checkpoints);
    const seen = lossCollector();
    for (let result: TrainResult | null = null; result === null; ) {
      const armed =
        counts.kills < kills ? armKill({ dir: checkpoints, random, whole, kill: () => child.kill() }) : null;
      const child = startTraining(spec, (message) => {
        seen.onMessage(message);
        armed?.onMessage(message);
      });
      result = await child.ended;
      armed?.disarm();
      if (result !== null) {
        expect({ ...result, adapterDir: null, metrics: null }).toEqual({
          ...whole.result,
          adapterDir: null,
          metrics: null,
        });
        break;
      }
      counts.kills++;
      if ((await leftovers(checkpoints)).length > 0) counts.insideSaves++;
    }
    counts.finished++;
    const byStep = new Map(seen.lines.map((line) => [line.step, line]));
    for (const line of seen.lines) expect(line).toEqual(whole.lines.find(({ step }) => step === line.step));
    expect([...byStep.values()].sort((a, b) => a.step - b.step)).toEqual(whole.lines);
    expect(seen.warnings.filter((warning) => warning.includes("is not used"))).toEqual([]);
    expect(await resultHash(spec.outputDir, spec)).toBe(whole.hash);
    expect(await leftovers(checkpoints)).toEqual([]);
  }
  report(`F1 engine, ${name}: ${counts.kills} kills, ${counts.insideSaves} inside saves, ${counts.finished} runs`);
});
