/** F1: kill -9 at random moments, again and again; the run always ends with the same losses and the same bytes. */
import { watch } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRandom, type Random } from "../../random.ts";
import type { TrainResult } from "../../spec.ts";
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
  /** From the start of the process to the end of the run. */
  ms: number;
}

async function runUndisturbed(name: string): Promise<Undisturbed> {
  const spec = disturbedSpec(await temporaryDir(), name);
  const { lines, onMessage } = lossCollector();
  const startedAt = performance.now();
  const result = await startTraining(spec, onMessage).ended;
  return { lines, hash: await resultHash(spec.outputDir, spec), result: result!, ms: performance.now() - startedAt };
}

/** Kills after a random time, or a moment after a checkpoint began to be written. */
function armKill(dir: string, kill: () => void, random: Random, meanMs: number): () => void {
  if (random.next() < 0.5) {
    const timer = setTimeout(kill, random.next() * meanMs);
    return () => clearTimeout(timer);
  }
  let timer: NodeJS.Timeout | undefined;
  // Let some saves pass, so that the run gets on.
  let spared = Math.floor(random.next() * 3);
  const watcher = watch(dir, (_, file) => {
    if (timer !== undefined || !file?.startsWith(".midrun-") || spared-- > 0) return;
    timer = setTimeout(kill, random.next() * 15);
  });
  return () => {
    watcher.close();
    clearTimeout(timer);
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
      const child = startTraining(spec, seen.onMessage);
      const disarm = counts.kills < kills ? armKill(checkpoints, child.kill, random, whole.ms) : () => {};
      result = await child.ended;
      disarm();
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
