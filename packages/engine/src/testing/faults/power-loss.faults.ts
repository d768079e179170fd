/** F3: the power goes behind every single call of a save; the checkpoint that was acknowledged is always there, whole. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeLeftovers } from "../../io/atomic.ts";
import {
  type CheckpointToSave,
  checkpointsDir,
  loadLatestCheckpoint,
  pruneCheckpoints,
  saveCheckpoint,
} from "../../io/checkpoint.ts";
import { type Adapter, loadAdapter, saveAdapter } from "../../io/peft.ts";
import { createRandom } from "../../random.ts";
import { range } from "../../util.ts";
import { temporaryDir } from "../tiny-run.ts";
import { createPowerLossDisk, type Loss, losses, randomLoss } from "./power-loss.ts";
import { isFull, report, sizeOfCampaign } from "./size.ts";

const randomCuts = sizeOfCampaign("F3_CUTS", { short: 1, full: 12 });
/** Calls between two that are followed by power cuts. */
const every = isFull ? 1 : 5;

const layer = "model.layers.0.self_attn.q_proj";
const valuesOf = (step: number, length: number) => Float32Array.from({ length }, (_, i) => Math.fround(step + i / 7));

function adapterOf(step: number): Adapter {
  return {
    r: 2,
    alpha: 16,
    useRslora: false,
    layers: null,
    gaussianInit: false,
    dropout: 0,
    targetModules: ["q_proj"],
    baseModelName: "midrun/nano",
    modules: new Map([[layer, { a: valuesOf(step, 8), b: valuesOf(step, 6), inFeatures: 4, outFeatures: 3 }]]),
  };
}

function checkpointOf(root: string, step: number): Omit<CheckpointToSave, "fs"> {
  const sha = "a".repeat(64);
  return {
    root,
    weights: { adapter: adapterOf(step) },
    optimizer: { step, moments: new Map([[`${layer}.lora_A`, { m: valuesOf(step, 8), v: valuesOf(step, 8) }]]) },
    state: {
      step,
      epoch: 0,
      dataCursor: { step },
      rng: { seed: 1 },
      schedule: {},
      metrics: { loss: step / 3 },
      fingerprints: { model: sha, dataset: sha, spec: sha },
    },
  };
}

test("whatever survives a power cut, the newest acknowledged checkpoint and adapter are whole", async () => {
  const root = await temporaryDir();
  const scratch = await temporaryDir();
  const random = createRandom(3);
  let cuts = 0;
  /** Steps that may be the newest one now; null: none need be there. */
  let newest: (number | null)[] = [null];
  let adapters: (number | null)[] = [null];

  async function checkAfter(loss: Loss, what: string): Promise<void> {
    const found = await mkdtemp(join(scratch, "cut-"));
    await disk.crashInto(found, loss);
    await removeLeftovers(checkpointsDir(found));
    await removeLeftovers(found);
    const { checkpoint, warnings } = await loadLatestCheckpoint(found);
    expect(warnings, what).toEqual([]);
    expect(newest, what).toContain(checkpoint?.step ?? null);
    const expected = checkpoint && checkpointOf(found, checkpoint.step);
    expect(checkpoint?.optimizer, what).toEqual(expected?.optimizer);
    expect(checkpoint?.adapter, what).toEqual(checkpoint ? adapterOf(checkpoint.step) : undefined);
    const adapter = await loadAdapter(join(found, "adapter")).catch(() => null);
    const trained = adapter?.modules.get(layer)?.a[0] ?? null;
    expect(adapters, what).toContain(trained);
    await rm(found, { recursive: true });
    cuts++;
  }

  let calls = 0;
  const disk = createPowerLossDisk(root, async (call) => {
    if (calls++ % every > 0) return;
    for (const [name, loss] of Object.entries(losses)) await checkAfter(loss, `${call}: ${name}`);
    for (const i of range(randomCuts)) await checkAfter(randomLoss(random.next), `${call}: random cut ${i}`);
  });
  const { fs } = disk;

  async function saveStep(step: number): Promise<void> {
    const before = newest;
    newest = [...before, step];
    await saveCheckpoint({ ...checkpointOf(root, step), fs });
    newest = [step];
  }

  await saveStep(1);
  await saveStep(2);
  // The same step again, in place of the one that is there.
  await saveStep(2);
  await saveStep(3);
  await pruneCheckpoints(root, 1, { fs });
  adapters = [null, 3];
  await saveAdapter(join(root, "adapter"), adapterOf(3), { overwrite: true, fs });
  adapters = [3, 4];
  await saveAdapter(join(root, "adapter"), adapterOf(4), { overwrite: true, fs });
  adapters = [4];
  await fs.mkdir(join(root, "end"));
  expect(cuts).toBeGreaterThan(100);
  report(`F3 engine: ${cuts} power cuts over checkpoint and adapter saves`);
});
