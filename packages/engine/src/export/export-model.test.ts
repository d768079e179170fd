import { readdirSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type BaseModel, loadBaseModel } from "../base-model.ts";
import { nodeFileSystem } from "../io/file-system.ts";
import { copyTokenizerFiles, openModelDir, saveModelDir } from "../io/model-dir.ts";
import { type Adapter, loadAdapter, saveAdapter } from "../io/peft.ts";
import { openSafetensors, type WritableDtype, writeSafetensors } from "../io/safetensors.ts";
import { makeTempDir } from "../io/testing-dirs.ts";
import { normals } from "../random.ts";
import type { LoraSpec } from "../spec.ts";
import { loadFixture } from "../testing/golden-files.ts";
import { largestDifference } from "../testing/golden-result.ts";
import { adapterTrainables } from "../testing/golden-training.ts";
import { initialTrainables } from "../training/trainables.ts";
import { range } from "../util.ts";
import { compareLogits } from "./compare.ts";
import { exportMerged, exportPeft } from "./export-model.ts";
import { fixedPrompts, promptLogits } from "./logits.ts";

const fixtures = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));
const threads = 1;
const qwenDir = join(fixtures, "qwen3-tied/model");

/** Every fixture with an adapter of PEFT's. */
const families = readdirSync(fixtures, { recursive: true, encoding: "utf8" })
  .filter((path) => /^[^/]+\/adapter_config\.json$/.test(path))
  .map((path) => dirname(path));

const adapterIn = (weights: ReturnType<ReturnType<typeof adapterTrainables>["toWeights"]>): Adapter => {
  if ("adapter" in weights) return weights.adapter;
  throw new Error("not an adapter");
};

/** An adapter whose numbers are random, of about a trained one's size. */
function randomAdapter(model: BaseModel, lora: Partial<LoraSpec> = {}, std = 0.05): Adapter {
  const options = { lora: { r: 4, alpha: 8, ...lora }, modelName: "base", seed: 1 };
  const adapter = adapterIn(initialTrainables(model, options).toWeights());
  let stream = 0;
  for (const { b, magnitude } of adapter.modules.values()) {
    normals(b, { seed: 2, stream: ++stream }, std);
    if (magnitude) for (const i of magnitude.keys()) magnitude[i]! *= 1 + 0.1 * Math.sin(i);
  }
  return adapter;
}

async function savedAdapter(adapter: Adapter): Promise<string> {
  const dir = join(await makeTempDir(), "adapter");
  await saveAdapter(dir, adapter);
  return dir;
}

/** The golden Qwen3 in another type, in as many files. */
async function baseIn(dtype: WritableDtype, files = 1): Promise<string> {
  const dir = join(await makeTempDir(), "base");
  const { config, weights } = await openModelDir(qwenDir);
  const tensors = await Promise.all(
    weights.names.map(async (name) => ({ name, shape: weights.shapeOf(name), data: await weights.read(name), dtype })),
  );
  await weights.close();
  if (files === 1) {
    await saveModelDir(dir, { config, tensors, tokenizerFilesFrom: qwenDir });
    return dir;
  }
  await mkdir(dir);
  const fileOf = (i: number) => `model-0000${(i % files) + 1}-of-0000${files}.safetensors`;
  for (const file of range(files)) {
    const own = tensors.filter((_, i) => i % files === file);
    await writeSafetensors(join(dir, fileOf(file)), own, { format: "pt" });
  }
  const weight_map = Object.fromEntries(tensors.map(({ name }, i) => [name, fileOf(i)]));
  await writeFile(join(dir, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map }));
  await writeFile(join(dir, "config.json"), JSON.stringify(config));
  await copyTokenizerFiles(nodeFileSystem, qwenDir, dir);
  return dir;
}

const outDirIn = async () => join(await makeTempDir(), "out");

describe.each([4, 8] as const)("an adapter trained on a base of %i bits", (weightBits) => {
  it.each<Partial<LoraSpec>>([{}, { targetModules: ["v_proj"] }, { useDora: true }])(
    "(%j) is folded into the weights that it was trained on",
    async (lora) => {
      const packed = await loadBaseModel(qwenDir, { weightBits });
      const adapter = randomAdapter(packed, lora);
      const [adapterDir, outDir] = [await savedAdapter(adapter), await outDirIn()];
      await exportMerged({ baseDir: qwenDir, trained: { adapterDir }, outDir, dtype: "float32", threads });
      const prompts = fixedPrompts(packed);
      const merged = await promptLogits(await loadBaseModel(outDir), prompts, { threads });
      const known = await promptLogits(packed, prompts, { adapter, threads });
      expect(largestDifference(merged, known)).toBeLessThan(1e-4);
      const onExact = await promptLogits(await loadBaseModel(qwenDir), prompts, { adapter, threads });
      expect(largestDifference(onExact, known)).toBeGreaterThan(weightBits === 4 ? 0.01 : 5e-4);
    },
  );
});

describe("exportMerged", () => {
  it.each(families)(
    "%s: the directory loads by itself and computes what PEFT computes with the adapter",
    async (family) => {
      const fixture = await loadFixture(join(fixtures, family));
      const adapterDir = await savedAdapter(adapterIn(adapterTrainables(fixture).toWeights()));
      const outDir = await outDirIn();
      const { check } = await exportMerged({ baseDir: fixture.model.dir, trained: { adapterDir }, outDir, threads });
      expect(check.effect).toBeGreaterThan(100 * check.error);
      const ids = fixture.tensors.get("lora.input_ids")!;
      const row = [...ids.data.slice(0, ids.shape[1]!)];
      const found = await promptLogits(await loadBaseModel(outDir), [row], { threads });
      expect(largestDifference(found, fixture.tensors.get("lora.logits")!.data)).toBeLessThan(2e-4);
    },
  );

  it.each([
    ["rsLoRA", { useRslora: true }],
    ["DoRA", { useDora: true }],
    ["the last layer alone", { layers: 1 }],
    ["one target", { targetModules: ["down_proj"] }],
  ])("%s: exported = trained", async (_, lora) => {
    const model = await loadBaseModel(qwenDir);
    const adapter = randomAdapter(model, lora);
    const outDir = await outDirIn();
    await exportMerged({ baseDir: qwenDir, trained: { adapterDir: await savedAdapter(adapter) }, outDir, threads });
    const prompts = fixedPrompts(model);
    const expected = await promptLogits(model, prompts, { adapter, threads });
    const found = await promptLogits(await loadBaseModel(outDir), prompts, { threads });
    expect(largestDifference(found, expected)).toBeLessThan(1e-4);
    expect(largestDifference(await promptLogits(model, prompts, { threads }), expected)).toBeGreaterThan(1e-2);
  });

  it("is a plain model directory: configuration, tokenizer files, weights and how it was made", async () => {
    const adapterDir = await savedAdapter(randomAdapter(await loadBaseModel(qwenDir)));
    const outDir = await outDirIn();
    const { files, dtypes, check } = await exportMerged({ baseDir: qwenDir, trained: { adapterDir }, outDir, threads });
    expect(files).toEqual([...(await readdir(qwenDir)), "midrun_export.json"].sort());
    expect(files).toEqual((await readdir(outDir)).sort());
    // The text, not its meaning alone: transformers refuses an integer in the place of a float.
    const textOf = async (dir: string, file: string) => (await readFile(join(dir, file), "utf8")).replace(/\s/g, "");
    for (const file of ["tokenizer.json", "config.json"]) {
      expect(await textOf(outDir, file)).toBe(await textOf(qwenDir, file));
    }
    expect(JSON.parse(await readFile(join(outDir, "midrun_export.json"), "utf8"))).toEqual({
      format: "merged",
      dtype: "base",
      dtypes,
      check,
    });
  });

  it("keeps the base model's types and files: what the adapter leaves alone keeps its bytes", async () => {
    const baseDir = await baseIn("BF16", 2);
    const adapter = randomAdapter(await loadBaseModel(baseDir), { targetModules: ["q_proj"] }, 0.3);
    const outDir = await outDirIn();
    const trained = { adapterDir: await savedAdapter(adapter) };
    const { dtypes } = await exportMerged({ baseDir, trained, outDir, threads });
    const [base, exported] = [await openModelDir(baseDir), await openModelDir(outDir)];
    expect(dtypes).toEqual({ BF16: base.weights.names.length });
    expect(exported.config.dtype ?? exported.config.torch_dtype).toBe("bfloat16");
    expect(exported.weights.names).toEqual(base.weights.names);
    const changed: string[] = [];
    for (const name of base.weights.names) {
      expect(exported.weights.fileOf(name)).toBe(base.weights.fileOf(name));
      const same = Buffer.compare(await base.weights.readBytes(name), await exported.weights.readBytes(name)) === 0;
      if (!same) changed.push(name);
    }
    expect(changed).toEqual([...adapter.modules.keys()].map((name) => `${name}.weight`).sort());
    await base.weights.close();
    await exported.weights.close();
  });

  it("keeps what is no weight of the text model, whatever its type", async () => {
    const baseDir = await baseIn("F32");
    const path = join(baseDir, "model.safetensors");
    const file = await openSafetensors(path);
    const own = await Promise.all(
      [...file.tensors].map(async ([name, { shape }]) => ({ name, shape, data: await file.read(name) })),
    );
    await file.close();
    const bytes = async () => Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
    await writeSafetensors(path, [...own, { name: "vision.position_ids", shape: [1], dtype: "I64", bytes }]);
    const adapterDir = await savedAdapter(randomAdapter(await loadBaseModel(baseDir)));
    const outDir = await outDirIn();
    const { dtypes } = await exportMerged({ baseDir, trained: { adapterDir }, outDir, threads });
    expect(dtypes).toEqual({ F32: own.length, I64: 1 });
    const exported = await openModelDir(outDir);
    expect([...(await exported.weights.readBytes("vision.position_ids"))]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    await exported.weights.close();
  });

  it("refuses to lose a small change to rounding, writes nothing, and says what does not lose it", async () => {
    const baseDir = await baseIn("BF16");
    const trained = { adapterDir: await savedAdapter(randomAdapter(await loadBaseModel(baseDir), {}, 1e-4)) };
    const outDir = await outDirIn();
    await expect(exportMerged({ baseDir, trained, outDir, threads })).rejects.toMatchObject({
      code: "not_supported",
      param: "dtype",
      hint: expect.stringMatching(/float32/),
    });
    expect(await readdir(dirname(outDir))).toEqual([]);
    const { dtypes } = await exportMerged({ baseDir, trained, outDir, dtype: "float32", threads });
    expect(Object.keys(dtypes)).toEqual(["F32"]);
    const { config, weights } = await openModelDir(outDir);
    await weights.close();
    expect(config.dtype ?? config.torch_dtype).toBe("float32");
  });

  it("exports a model that was trained whole, in the base model's types", async () => {
    const baseDir = await baseIn("F16");
    const model = await loadBaseModel(baseDir);
    const trainables = initialTrainables(model, { lora: false, modelName: "base", seed: 1 });
    for (const [name, values] of trainables.parameters) {
      if (!name.endsWith("norm.weight")) for (const i of values.keys()) values[i]! *= 1 + 0.2 * Math.sin(i);
    }
    const weights = trainables.toWeights();
    if (!("model" in weights)) throw new Error("not a model");
    const modelDir = join(await makeTempDir(), "model");
    await saveModelDir(modelDir, weights.model);
    const outDir = await outDirIn();
    const { dtypes, check } = await exportMerged({ baseDir, trained: { modelDir }, outDir, threads });
    expect(Object.keys(dtypes)).toEqual(["F16"]);
    expect(check.effect).toBeGreaterThan(10 * check.error);
    const prompts = fixedPrompts(model);
    const found = await promptLogits(await loadBaseModel(outDir), prompts, { threads });
    const expected = await promptLogits(await loadBaseModel(modelDir), prompts, { threads });
    expect(largestDifference(found, expected)).toBeLessThan(0.02);
  });

  it("writes into no directory that holds something", async () => {
    const adapterDir = await savedAdapter(randomAdapter(await loadBaseModel(qwenDir)));
    const outDir = await makeTempDir();
    await writeFile(join(outDir, "mine.txt"), "mine");
    const error = { code: "invalid_config", param: outDir };
    await expect(exportMerged({ baseDir: qwenDir, trained: { adapterDir }, outDir, threads })).rejects.toMatchObject(
      error,
    );
    await expect(exportPeft({ adapterDir, outDir })).rejects.toMatchObject(error);
    expect(await readdir(outDir)).toEqual(["mine.txt"]);
  });

  it("refuses an adapter of another model", async () => {
    const adapter = randomAdapter(await loadBaseModel(join(fixtures, "phi3/model")));
    const outDir = await outDirIn();
    const trained = { adapterDir: await savedAdapter(adapter) };
    await expect(exportMerged({ baseDir: qwenDir, trained, outDir, threads })).rejects.toMatchObject({
      code: "invalid_model",
    });
    expect(await readdir(dirname(outDir))).toEqual([]);
  });
});

describe("exportPeft", () => {
  it("copies the two files of PEFT's format and nothing else", async () => {
    const adapterDir = await savedAdapter(randomAdapter(await loadBaseModel(qwenDir)));
    await writeFile(join(adapterDir, "optimizer.safetensors"), "");
    const outDir = await outDirIn();
    const { files } = await exportPeft({ adapterDir, outDir });
    expect(await readdir(outDir)).toEqual(files);
    expect(files).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
    expect((await loadAdapter(outDir)).modules).toEqual((await loadAdapter(adapterDir)).modules);
  });

  it("refuses a damaged adapter, and leaves nothing", async () => {
    const adapterDir = await savedAdapter(randomAdapter(await loadBaseModel(qwenDir)));
    await writeFile(join(adapterDir, "adapter_model.safetensors"), "short");
    const outDir = await outDirIn();
    await expect(exportPeft({ adapterDir, outDir })).rejects.toMatchObject({ code: "invalid_model" });
    expect(await readdir(dirname(outDir))).toEqual([]);
  });
});

describe("compareLogits", () => {
  const trained = Float32Array.from(range(1000), (i) => Math.sin(i));
  const base = trained.map((value, i) => value + 0.01 * Math.cos(i));
  const prompts = [[1, 2, 3]];
  const compare = (exported: Float32Array, rounded: boolean) =>
    compareLogits({ base, trained, exported }, prompts, rounded);
  const off = (by: number) => trained.map((value, i) => value + by * Math.cos(3 * i));

  it("lets pass what another order of sums or rounding explains", () => {
    expect(compare(trained, false)).toMatchObject({ prompts: 1, tokens: 3, error: 0, largestError: 0 });
    expect(compare(off(1e-5), false).error).toBeGreaterThan(0);
    expect(compare(off(0.002), true).effect).toBeCloseTo(0.01 / Math.SQRT2, 4);
  });

  it("finds weights into which nothing was merged, with and without rounding", () => {
    expect(() => compare(base, false)).toThrow(expect.objectContaining({ code: "internal" }));
    expect(() => compare(base, true)).toThrow(expect.objectContaining({ code: "not_supported" }));
  });

  it("finds what is a little wrong, and what is no number", () => {
    expect(() => compare(off(0.001), false)).toThrow(expect.objectContaining({ code: "internal" }));
    expect(() => compare(off(0.004), true)).toThrow(expect.objectContaining({ code: "not_supported" }));
    const broken = Float32Array.from(trained);
    broken[500] = Number.NaN;
    for (const rounded of [true, false])
      expect(() => compare(broken, rounded)).toThrow(expect.objectContaining({ code: "internal" }));
  });
});
