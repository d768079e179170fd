import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Adapter, loadAdapter, saveAdapter } from "./peft.ts";
import { openSafetensors, type TensorToWrite, writeSafetensors } from "./safetensors.ts";
import { makeTempDir } from "./testing-dirs.ts";

const Q = "model.layers.0.self_attn.q_proj";
const DOWN = "model.layers.1.mlp.down_proj";

/** r = 2; q_proj is 4 → 3, down_proj 3 → 4. */
function makeAdapter(): Adapter {
  const count = (n: number, from: number) => Float32Array.from({ length: n }, (_, i) => from + i / 7);
  return {
    r: 2,
    alpha: 32,
    useRslora: true,
    layers: null,
    gaussianInit: false,
    dropout: 0.05,
    targetModules: ["q_proj", "down_proj"],
    baseModelName: "Qwen/Qwen3-0.6B",
    modules: new Map([
      [Q, { a: count(8, 1), b: count(6, -1), inFeatures: 4, outFeatures: 3 }],
      [DOWN, { a: count(6, 2), b: count(8, -2), inFeatures: 3, outFeatures: 4 }],
    ]),
  };
}

/** adapter_config.json as PEFT 0.21.2 wrote it. */
const peftConfig = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  auto_mapping: null,
  base_model_name_or_path: null,
  bias: "none",
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  kasa_config: null,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_alpha: 8,
  lora_bias: false,
  lora_dropout: 0.1,
  lora_ga_config: null,
  megatron_config: null,
  megatron_core: "megatron.core",
  modules_to_save: null,
  monteclora_config: null,
  peft_type: "LORA",
  peft_version: "0.21.2",
  qalora_group_size: 16,
  r: 2,
  rank_pattern: {},
  revision: null,
  target_modules: ["v_proj", "down_proj", "q_proj"],
  target_parameters: null,
  task_type: "CAUSAL_LM",
  trainable_token_indices: null,
  use_bdlora: null,
  use_dora: false,
  use_qalora: false,
  use_rslora: false,
  velora_config: null,
};

const matrix = (name: string, shape: number[], dtype: TensorToWrite["dtype"] = "F32"): TensorToWrite => ({
  name: `base_model.model.${name}`,
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5),
  dtype,
});

const pair = (dtype?: TensorToWrite["dtype"]) => [
  matrix(`${Q}.lora_A.weight`, [2, 4], dtype),
  matrix(`${Q}.lora_B.weight`, [3, 2], dtype),
];

async function putAdapter(tensors: TensorToWrite[], config: Record<string, unknown> = {}): Promise<string> {
  const dir = await makeTempDir();
  await writeFile(join(dir, "adapter_config.json"), JSON.stringify({ ...peftConfig, ...config }));
  await writeSafetensors(join(dir, "adapter_model.safetensors"), tensors);
  return dir;
}

test("an adapter comes back bit for bit", async () => {
  const dir = join(await makeTempDir(), "adapter");
  const adapter = makeAdapter();
  await saveAdapter(dir, adapter);
  const loaded = await loadAdapter(dir);
  expect(loaded).toEqual({ ...adapter, targetModules: ["down_proj", "q_proj"] });
});

test("the files carry the names, shapes and fields of PEFT", async () => {
  const dir = join(await makeTempDir(), "adapter");
  await saveAdapter(dir, makeAdapter());
  expect((await readdir(dir)).sort()).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
  const file = await openSafetensors(join(dir, "adapter_model.safetensors"));
  expect([...file.tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
    ["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "F32", [2, 4]],
    ["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", "F32", [3, 2]],
    ["base_model.model.model.layers.1.mlp.down_proj.lora_A.weight", "F32", [2, 3]],
    ["base_model.model.model.layers.1.mlp.down_proj.lora_B.weight", "F32", [4, 2]],
  ]);
  await file.close();
  const config = JSON.parse(await readFile(join(dir, "adapter_config.json"), "utf8"));
  expect(config).toMatchObject({
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    r: 2,
    lora_alpha: 32,
    lora_dropout: 0.05,
    use_rslora: true,
    target_modules: ["down_proj", "q_proj"],
    base_model_name_or_path: "Qwen/Qwen3-0.6B",
    inference_mode: true,
  });
  const unknownToPeft = Object.keys(config).filter((field) => !(field in peftConfig));
  expect(unknownToPeft).toEqual([]);
});

test("layers and the initialisation are told in PEFT's fields, and read back", async () => {
  const dir = join(await makeTempDir(), "adapter");
  await saveAdapter(dir, { ...makeAdapter(), layers: [1, 2], gaussianInit: true });
  const config = JSON.parse(await readFile(join(dir, "adapter_config.json"), "utf8"));
  expect(config).toMatchObject({ layers_to_transform: [1, 2], layers_pattern: null, init_lora_weights: "gaussian" });
  expect(await loadAdapter(dir)).toMatchObject({ layers: [1, 2], gaussianInit: true });
  expect(await loadAdapter(await putAdapter(pair(), { layers_to_transform: 3 }))).toMatchObject({ layers: [3] });
});

test.each<[string, TensorToWrite[], RegExp]>([
  ["missing", [], /lora_magnitude_vector" is missing/],
  ["of another size", [matrix(`${Q}.lora_magnitude_vector`, [4])], /has the shape \[4\]; \[3\] is expected/],
])("refuses DoRA with a magnitude that is %s", async (_, magnitude, message) => {
  const dir = await putAdapter([...pair(), ...magnitude], { use_dora: true });
  await expect(loadAdapter(dir)).rejects.toMatchObject({
    code: "invalid_model",
    message: expect.stringMatching(message),
  });
});

test("equal adapters are equal bytes, whatever the order they were built in", async () => {
  const root = await makeTempDir();
  const adapter = makeAdapter();
  const reversed = {
    ...adapter,
    targetModules: adapter.targetModules.toReversed(),
    modules: new Map([...adapter.modules].reverse()),
  };
  await saveAdapter(join(root, "1"), adapter);
  await saveAdapter(join(root, "2"), reversed);
  for (const name of ["adapter_config.json", "adapter_model.safetensors"])
    expect(await readFile(join(root, "1", name))).toEqual(await readFile(join(root, "2", name)));
});

test("saving again replaces an adapter, but not a directory with other files", async () => {
  const dir = join(await makeTempDir(), "adapter");
  await saveAdapter(dir, makeAdapter());
  await saveAdapter(dir, { ...makeAdapter(), alpha: 1 });
  expect((await loadAdapter(dir)).alpha).toBe(1);
  await writeFile(join(dir, "README.md"), "mine");
  await expect(saveAdapter(dir, makeAdapter())).rejects.toMatchObject({ code: "invalid_config" });
});

test.each(["F32", "F16", "BF16"] as const)("loads what PEFT saved, with %s weights, as float32", async (dtype) => {
  const adapter = await loadAdapter(await putAdapter(pair(dtype)));
  expect(adapter).toMatchObject({ r: 2, alpha: 8, dropout: 0.1, useRslora: false, baseModelName: "" });
  expect(adapter.targetModules).toEqual(["q_proj"]);
  const a = new Float32Array(8).fill(0.5);
  expect(adapter.modules.get(Q)).toEqual({ a, b: new Float32Array(6).fill(0.5), inFeatures: 4, outFeatures: 3 });
});

test.each<[string, unknown]>([
  ["peft_type", "IA3"],
  ["task_type", "SEQ_CLS"],
  ["rank_pattern", { q_proj: 4 }],
  ["alpha_pattern", { q_proj: 4 }],
  ["bias", "lora_only"],
  ["lora_bias", true],
  ["fan_in_fan_out", true],
  ["modules_to_save", ["lm_head"]],
  ["init_lora_weights", "pissa_niter_4"],
  ["layer_replication", [[0, 2]]],
  ["trainable_token_indices", [1, 2]],
  ["alora_invocation_tokens", [5]],
])("refuses %s %j by name", async (field, value) => {
  const dir = await putAdapter(pair(), { [field]: value });
  await expect(loadAdapter(dir)).rejects.toMatchObject({
    code: "not_supported",
    param: field,
    message: expect.stringContaining(`${field} is ${JSON.stringify(value)}`),
  });
});

test.each<[string, unknown]>([
  ["r", 0],
  ["r", "16"],
  ["lora_alpha", null],
  ["lora_dropout", 2],
])("refuses the value of %s: %j", async (field, value) => {
  const dir = await putAdapter(pair(), { [field]: value });
  await expect(loadAdapter(dir)).rejects.toMatchObject({
    code: "invalid_model",
    message: expect.stringContaining(field),
  });
});

test.each<[string, TensorToWrite[], RegExp]>([
  ["a missing B", pair().slice(0, 1), /lora_B\.weight" is missing/],
  ["a missing A", pair().slice(1), /lora_A\.weight" is missing/],
  [
    "matrices of another rank",
    [matrix(`${Q}.lora_A.weight`, [4, 4]), matrix(`${Q}.lora_B.weight`, [3, 4])],
    /4 rows in A and 4 columns in B; adapter_config\.json says r 2/,
  ],
  [
    "matrices of two ranks",
    [matrix(`${Q}.lora_A.weight`, [2, 4]), matrix(`${Q}.lora_B.weight`, [2, 3])],
    /2 rows in A and 3 columns in B/,
  ],
  ["a convolution", [matrix(`${Q}.lora_A.weight`, [2, 4, 1]), pair()[1]!], /has the shape \[2,4,1\]/],
  ["a magnitude vector", [...pair(), matrix(`${Q}.lora_magnitude_vector`, [3])], /lora_magnitude_vector/],
  ["nothing", [], /holds no LoRA matrices/],
])("refuses weights with %s", async (_, tensors, message) => {
  const dir = await putAdapter(tensors);
  await expect(loadAdapter(dir)).rejects.toMatchObject({
    code: "invalid_model",
    message: expect.stringMatching(message),
    hint: expect.any(String),
  });
});

test("says which file of an adapter is missing", async () => {
  const dir = await makeTempDir();
  await expect(loadAdapter(dir)).rejects.toMatchObject({
    code: "invalid_model",
    message: expect.stringContaining("has no adapter_config.json"),
  });
  await writeFile(join(dir, "adapter_config.json"), JSON.stringify(peftConfig));
  await expect(loadAdapter(dir)).rejects.toMatchObject({
    code: "invalid_model",
    message: expect.stringContaining("adapter_model.safetensors: there is no such file"),
  });
});
