/** F4: a checkpoint that is damaged anywhere is noticed and told of, the one before it is used, and the end is the same. */
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeStateFile, parseStateFile } from "../../io/checkpoint-state.ts";
import type { TrainEvent, TrainSpec } from "../../spec.ts";
import { range } from "../../util.ts";
import { runTiny, temporaryDir, tinySpec } from "../tiny-run.ts";
import { isFull, report } from "./size.ts";
import { resultHash } from "./training-child.ts";

const specOf = (dir: string): TrainSpec => tinySpec(dir, { maxSteps: 6, saveSteps: 2 });
const allFiles = ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "state.json"];
const files = allFiles.slice(isFull ? 0 : 2);
const stepDir = (root: string, step: number) => join(root, "checkpoints", `step-00000${step}`);

let hash: string;
let losses: number[];
/** A run that was cancelled after step 4: checkpoints of steps 2 and 4. */
let half: string;

let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "midrun-damage-"));
  const whole = specOf(join(place, "whole"));
  losses = (await runTiny(whole)).losses;
  hash = await resultHash(whole.outputDir, whole);
  half = join(place, "half");
  await runTiny(specOf(half), (done) => (done === 4 ? "cancel" : null));
}, 120_000);
afterAll(() => rm(place, { recursive: true }));

type Damage = (path: string, other: string) => Promise<void>;

const flip =
  (share: number): Damage =>
  async (path) => {
    const bytes = await readFile(path);
    bytes[Math.min(bytes.length - 1, Math.floor(share * bytes.length))]! ^= 4;
    await writeFile(path, bytes);
  };

/** Every region of a file: its header, its middle, its end. */
const flips = Object.fromEntries(
  range(isFull ? 12 : 1).map((i) => {
    const share = i / 11;
    return [`a bit flipped at ${Math.round(share * 100)} %`, flip(share)];
  }),
);

const damages: Record<string, Damage> = {
  ...flips,
  ...(isFull && {
    emptied: (path: string) => truncate(path, 0),
    "a byte too long": async (path: string) => writeFile(path, Buffer.concat([await readFile(path), Buffer.of(0)])),
    missing: (path: string) => rm(path),
  }),
  "cut in half": async (path) => truncate(path, (await readFile(path)).length >> 1),
  "of another step": (path, other) => cp(other, path),
};

async function resume(dir: string): Promise<{ warnings: string[]; from: number; losses: number[] }> {
  const { events, losses } = await runTiny(specOf(dir));
  const started = events.find((event): event is Extract<TrainEvent, { type: "started" }> => event.type === "started");
  const warnings = events.flatMap((event) => (event.type === "warning" ? event.message : []));
  return { warnings, from: started!.resumedFromStep, losses };
}

async function damagedCopy(damage: (dir: string) => Promise<void>): Promise<string> {
  const dir = await temporaryDir();
  await cp(half, dir, { recursive: true });
  await damage(dir);
  return dir;
}

describe("a damaged checkpoint", () => {
  test.each(files)("%s", async (file) => {
    for (const [what, damage] of Object.entries(damages)) {
      // Equal in all checkpoints of a run.
      if (file === "adapter_config.json" && what === "of another step") continue;
      const dir = await damagedCopy((dir) => damage(join(stepDir(dir, 4), file), join(stepDir(dir, 2), file)));
      const resumed = await resume(dir);
      expect(resumed.from, what).toBe(2);
      expect(resumed.warnings, what).toEqual([expect.stringContaining(join("step-000004", file))]);
      expect(resumed.losses, what).toEqual(losses.slice(2));
      expect(await resultHash(dir, specOf(dir)), what).toBe(hash);
    }
    report(`F4 ${file}: ${Object.keys(damages).length} kinds of damage`);
  });

  test("when none is whole the run begins anew and says so, and ends the same", async () => {
    const dir = await damagedCopy(async (dir) => {
      for (const step of [2, 4]) await flip(0.5)(join(stepDir(dir, step), "optimizer.safetensors"), "");
    });
    const resumed = await resume(dir);
    expect(resumed).toMatchObject({ from: 0, losses });
    expect(resumed.warnings).toHaveLength(2);
    expect(await resultHash(dir, specOf(dir))).toBe(hash);
  });

  test("one that is whole and of another model is refused, and stays as it is", async () => {
    const dir = await damagedCopy(async (dir) => {
      const path = join(stepDir(dir, 4), "state.json");
      const { state, files } = parseStateFile(await readFile(path, "utf8"), path);
      const fingerprints = { ...state.fingerprints, model: "0".repeat(64) };
      await writeFile(path, encodeStateFile({ state: { ...state, fingerprints }, files }));
    });
    await expect(resume(dir)).rejects.toMatchObject({ code: "invalid_checkpoint", param: "model" });
    expect(await readdir(join(dir, "checkpoints"))).toContain("step-000004");
  });
});
