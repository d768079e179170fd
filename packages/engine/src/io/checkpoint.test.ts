import { cp, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeLeftovers } from "./atomic.ts";
import {
  type CheckpointToSave,
  checkpointsDir,
  listCheckpoints,
  loadCheckpoint,
  loadLatestCheckpoint,
  pruneCheckpoints,
  saveCheckpoint,
} from "./checkpoint.ts";
import { type CheckpointState, checkFingerprints } from "./checkpoint-state.ts";
import { isDiskFull } from "./file-system.ts";
import { openModelDir } from "./model-dir.ts";
import { makeTempDir } from "./testing-dirs.ts";
import { makeFaultyFileSystem } from "./testing-faults.ts";

const Q = "model.layers.0.self_attn.q_proj";
const sha = (digit: string) => digit.repeat(64);

function makeState(step: number): CheckpointState {
  return {
    step,
    epoch: step / 30,
    dataCursor: { epoch: 3, batch: 17 },
    rng: { seed: 42 },
    schedule: { type: "cosine", totalSteps: 1000, warmupSteps: 0.1 + 0.2 },
    metrics: { loss: 1 / 3, evalLoss: null },
    fingerprints: { model: sha("a"), dataset: sha("b"), spec: sha("c") },
    spec: { learningRate: 1e-4, lora: { r: 2 }, packing: true },
  };
}

function makeCheckpoint(root: string, step: number): CheckpointToSave {
  const values = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.fround(step + i / 7));
  const module = { a: values(8), b: values(6), inFeatures: 4, outFeatures: 3 };
  const adapter = {
    r: 2,
    alpha: 16,
    useRslora: false,
    layers: null,
    gaussianInit: false,
    dropout: 0,
    targetModules: ["q_proj"],
    baseModelName: "midrun/nano",
    modules: new Map([[Q, module]]),
  };
  const moments = new Map([
    [`${Q}.lora_A`, { m: values(8), v: values(8) }],
    [`${Q}.lora_B`, { m: values(6), v: values(6) }],
  ]);
  return { root, weights: { adapter }, optimizer: { step, moments }, state: makeState(step) };
}

async function saveSteps(root: string, ...steps: number[]): Promise<void> {
  for (const step of steps) await saveCheckpoint(makeCheckpoint(root, step));
}

const stepDir = (root: string, step: number) => join(root, "checkpoints", `step-${String(step).padStart(6, "0")}`);

test("a checkpoint comes back bit for bit", async () => {
  const root = await makeTempDir();
  const saved = makeCheckpoint(root, 100);
  const { dir, files } = await saveCheckpoint(saved);
  expect(dir).toBe(stepDir(root, 100));
  const expected = ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "state.json"];
  expect(files).toEqual(expected);
  expect((await readdir(dir)).sort()).toEqual(expected);
  const { checkpoint, warnings } = await loadLatestCheckpoint(root);
  expect(warnings).toEqual([]);
  expect(checkpoint).toEqual({
    dir,
    step: 100,
    state: saved.state,
    optimizer: saved.optimizer,
    adapter: "adapter" in saved.weights ? saved.weights.adapter : null,
  });
});

test("equal states are equal bytes", async () => {
  const [one, two] = [await makeTempDir(), await makeTempDir()];
  const first = await saveCheckpoint(makeCheckpoint(one, 7));
  await saveCheckpoint(makeCheckpoint(two, 7));
  for (const name of first.files)
    expect(await readFile(join(stepDir(two, 7), name))).toEqual(await readFile(join(first.dir, name)));
});

test("a checkpoint of full fine-tuning is a model directory", async () => {
  const root = await makeTempDir();
  await writeFile(join(root, "tokenizer.json"), "{}");
  const norm = { name: "model.norm.weight", shape: [2], data: Float32Array.of(1, 2) };
  const model = { config: { model_type: "llama" }, tensors: [norm], tokenizerFilesFrom: root };
  const { dir, files } = await saveCheckpoint({ ...makeCheckpoint(root, 5), weights: { model } });
  expect(files).toEqual(["config.json", "model.safetensors", "optimizer.safetensors", "state.json", "tokenizer.json"]);
  expect((await loadCheckpoint(dir)).adapter).toBeNull();
  const { weights } = await openModelDir(dir);
  expect(await weights.read(norm.name)).toEqual(norm.data);
  await weights.close();
});

test("checkpoints are listed by number, and nothing else is", async () => {
  const root = await makeTempDir();
  expect(await listCheckpoints(root)).toEqual([]);
  await saveSteps(root, 999999, 50, 1000000);
  for (const name of ["step-12", "step-000001.bak", ".midrun-new-step-000070-0badcafe"])
    await mkdir(join(checkpointsDir(root), name));
  expect((await listCheckpoints(root)).map(({ step }) => step)).toEqual([50, 999999, 1000000]);
  expect((await loadLatestCheckpoint(root)).checkpoint?.step).toBe(1000000);
});

test("a run without checkpoints has no latest one", async () => {
  expect(await loadLatestCheckpoint(await makeTempDir())).toEqual({ checkpoint: null, warnings: [] });
});

test("a step saved again replaces the damaged one", async () => {
  const root = await makeTempDir();
  await saveSteps(root, 100);
  await rm(join(stepDir(root, 100), "optimizer.safetensors"));
  await saveSteps(root, 100);
  expect((await loadLatestCheckpoint(root)).checkpoint?.step).toBe(100);
  expect(await readdir(checkpointsDir(root))).toEqual(["step-000100"]);
});

test.each<[string, boolean]>([
  ["fails", false],
  ["is the last one before a kill", true],
])(
  "whichever call of a save %s, the previous checkpoint is intact and nothing half-written counts",
  async (_, kill) => {
    const root = await makeTempDir();
    await saveSteps(root, 50);
    for (let failAt = 1; ; failAt++) {
      const code = failAt % 2 ? "ENOSPC" : "EIO";
      const { fs, calls } = makeFaultyFileSystem({ failAt, code, forEver: kill });
      const error = await saveCheckpoint({ ...makeCheckpoint(root, 100), fs }).catch((thrown: unknown) => thrown);
      const { checkpoint, warnings } = await loadLatestCheckpoint(root);
      const what = `call ${failAt}: ${calls[failAt - 1]}`;
      expect(warnings, what).toEqual([]);
      if (calls.length < failAt) {
        expect(checkpoint?.step).toBe(100);
        expect(failAt).toBeGreaterThan(40);
        return;
      }
      expect(error, what).toMatchObject({
        code: code === "ENOSPC" ? "disk_full" : "io",
        message: expect.stringContaining(code),
      });
      expect(isDiskFull(error), what).toBe(code === "ENOSPC");
      // Only a kill behind the rename leaves the new one, and then it is whole.
      expect(kill ? [50, 100] : [50], what).toContain(checkpoint?.step);
      if (!kill) expect(await readdir(checkpointsDir(root)), what).toEqual(["step-000050"]);
      await rm(stepDir(root, 100), { recursive: true, force: true });
      await removeLeftovers(checkpointsDir(root));
      expect(await readdir(checkpointsDir(root)), what).toEqual(["step-000050"]);
    }
  },
);

test("a disk that takes a few bytes at a time stores the same bytes", async () => {
  const [one, two] = [await makeTempDir(), await makeTempDir()];
  const { files } = await saveCheckpoint(makeCheckpoint(one, 7));
  const { fs } = makeFaultyFileSystem({ maxWriteBytes: 100 });
  await saveCheckpoint({ ...makeCheckpoint(two, 7), fs });
  for (const name of files)
    expect(await readFile(join(stepDir(two, 7), name))).toEqual(await readFile(join(stepDir(one, 7), name)));
});

/** Every damage must be noticed, the checkpoint of step 50 used and the user told of the file. */
async function expectFallback(root: string, file: string, what: string): Promise<void> {
  const { checkpoint, warnings } = await loadLatestCheckpoint(root);
  expect(checkpoint?.step, what).toBe(50);
  expect(warnings, what).toHaveLength(1);
  expect(warnings[0], what).toContain(join(stepDir(root, 100), file));
}

const files = ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "state.json"];

test.each(files)("a flipped bit anywhere in %s is noticed", async (name) => {
  const root = await makeTempDir();
  await saveSteps(root, 50, 100);
  const path = join(stepDir(root, 100), name);
  const whole = await readFile(path);
  const stride = Math.ceil(whole.length / 15);
  for (let at = 0; at < whole.length; at += stride) {
    const damaged = Buffer.from(whole);
    damaged[at]! ^= 1 << (at % 8);
    await writeFile(path, damaged);
    await expectFallback(root, name, `bit of byte ${at}`);
  }
  await writeFile(path, whole);
  expect((await loadLatestCheckpoint(root)).checkpoint?.step).toBe(100);
});

test.each(files)("a cut, emptied, lengthened or missing %s is noticed", async (name) => {
  const root = await makeTempDir();
  await saveSteps(root, 50, 100);
  const path = join(stepDir(root, 100), name);
  const whole = await readFile(path);
  for (const length of [whole.length - 1, whole.length >> 1, 0]) {
    await truncate(path, length);
    await expectFallback(root, name, `cut to ${length}`);
  }
  await writeFile(path, Buffer.concat([whole, Buffer.from("\n")]));
  await expectFallback(root, name, "lengthened");
  await rm(path);
  await expectFallback(root, name, "missing");
});

test.each(["adapter_model.safetensors", "optimizer.safetensors", "state.json"])(
  "%s of another step is noticed",
  async (name) => {
    const root = await makeTempDir();
    await saveSteps(root, 50, 100);
    await cp(join(stepDir(root, 50), name), join(stepDir(root, 100), name));
    await expectFallback(root, name, "from step 50");
  },
);

test("a checkpoint under the name of another step is noticed", async () => {
  const root = await makeTempDir();
  await saveSteps(root, 50, 70);
  await rename(stepDir(root, 70), stepDir(root, 100));
  await expectFallback(root, "state.json", "renamed");
});

test("a state that says nothing of a file cannot hide it", async () => {
  const root = await makeTempDir();
  await saveSteps(root, 50, 100);
  const path = join(stepDir(root, 100), "state.json");
  const content = JSON.parse(await readFile(path, "utf8"));
  delete content.files["optimizer.safetensors"];
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`);
  await expectFallback(root, "state.json", "edited");
});

test("when all are damaged there is none, and each is told of", async () => {
  const root = await makeTempDir();
  await saveSteps(root, 50, 100);
  for (const step of [50, 100]) await rm(join(stepDir(root, step), "state.json"));
  const { checkpoint, warnings } = await loadLatestCheckpoint(root);
  expect(checkpoint).toBeNull();
  expect(warnings.map((text) => text.includes("step-000100"))).toEqual([true, false]);
});

test("a disk that cannot be read is an error, not a damaged checkpoint", async () => {
  const root = await makeTempDir();
  await saveSteps(root, 50);
  const { fs } = makeFaultyFileSystem({ failAt: 3, code: "EACCES" });
  await expect(loadLatestCheckpoint(root, fs)).rejects.toMatchObject({ code: "io" });
});

test("a checkpoint of a later format names the fix", async () => {
  const root = await makeTempDir();
  await saveSteps(root, 50);
  const path = join(stepDir(root, 50), "state.json");
  const content = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...content, formatVersion: 2 }));
  await expect(loadCheckpoint(stepDir(root, 50))).rejects.toMatchObject({
    code: "invalid_checkpoint",
    message: expect.stringContaining("format version 2"),
    hint: expect.stringContaining("version of midrun"),
  });
});

test("a state that JSON cannot hold is refused before anything is written", async () => {
  const root = await makeTempDir();
  const bad = makeCheckpoint(root, 50);
  bad.state = { ...bad.state, metrics: { loss: Number.NaN } };
  await expect(saveCheckpoint(bad)).rejects.toMatchObject({
    code: "internal",
    message: expect.stringContaining("metrics.loss"),
  });
  expect(await listCheckpoints(root)).toEqual([]);
});

test("pruning keeps the newest ones", async () => {
  const root = await makeTempDir();
  await saveSteps(root, 10, 20, 30, 40);
  expect(await pruneCheckpoints(root, 2)).toEqual([10, 20]);
  expect(await readdir(checkpointsDir(root))).toEqual(["step-000030", "step-000040"]);
  expect(await pruneCheckpoints(root, 5)).toEqual([]);
  for (const keep of [0, -1, 1.5])
    await expect(pruneCheckpoints(root, keep)).rejects.toMatchObject({ code: "invalid_config" });
  expect(await listCheckpoints(root)).toHaveLength(2);
});

test("the same world is accepted", () => {
  const state = makeState(100);
  expect(() => checkFingerprints(state, { ...state.fingerprints })).not.toThrow();
});

test.each<[string, Partial<CheckpointState["fingerprints"]>, string]>([
  ["model", { model: sha("1") }, "the base model changed"],
  ["dataset", { dataset: sha("1") }, "the data set changed"],
  ["model,spec", { model: sha("1"), spec: sha("1") }, "the base model and the training options changed"],
])("a changed %s is refused by name", (param, change, message) => {
  const state = makeState(100);
  expect(() => checkFingerprints(state, { ...state.fingerprints, ...change })).toThrow(
    expect.objectContaining({ code: "invalid_checkpoint", param, message: expect.stringContaining(message) }),
  );
});

test("changed training options are named with both values", () => {
  const state = makeState(100);
  const now = { learningRate: 2e-4, lora: { r: 4 }, packing: true, seed: 1 };
  const expected = '(learningRate from 0.0001 to 0.0002, lora from {"r":2} to {"r":4}, seed from unset to 1)';
  expect(() => checkFingerprints(state, { ...state.fingerprints, spec: sha("1") }, now)).toThrow(expected);
});
