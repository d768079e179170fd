/** What a run changes: a fresh or resumed adapter, or every parameter. */
import type { BaseModel } from "../base-model.ts";
import { dropoutMask } from "../dropout.ts";
import type { TrainedWeights } from "../io/checkpoint.ts";
import type { Adapter } from "../io/peft.ts";
import { feedsOf, loraScale } from "../models/adapter.ts";
import { rowLengths } from "../models/merge.ts";
import { type LoraPlan, loraTargets, planLora } from "../models/objective.ts";
import { denseWeight } from "../models/packed.ts";
import { parameterShapes, trainedNames } from "../models/parameters.ts";
import type { Feeds } from "../onnx/session.ts";
import type { Tensors } from "../optim.ts";
import { hashString, normals, uniforms } from "../random.ts";
import type { LoraSpec, TrainSpec } from "../spec.ts";
import { EngineError, range } from "../util.ts";

/** A stretch of the rows of a micro-batch. */
export interface RowSpan {
  from: number;
  count: number;
}

export interface Trainables {
  /** How adapters are wired in; null for full fine-tuning. */
  plan: LoraPlan | null;
  /** Changed in place by the optimizer. */
  parameters: Tensors;
  /** Everything the graphs are fed besides a micro-batch. */
  feeds: Feeds;
  /** The parameters as files. */
  toWeights(): TrainedWeights;
  /** Adapted layers whose B is still zero, so that they change nothing. */
  unmoved(): string[];
  /** The dropout masks of a micro-batch's rows (tokens): a pure function of the seed, the step, the micro-batch and the module. */
  dropoutFeeds(rows: RowSpan, step: number, microBatch: number): Feeds;
}

/** What training needs of a base model: its numbers, not its text. */
export type TrainableModel = Pick<BaseModel, "dir" | "config" | "spec" | "weights">;

export type AdapterOptions = Pick<TrainSpec, "lora" | "modelName" | "seed">;

/** The run's parameters before its first step. Throws `invalid_config` when the model has no such target module. */
export function initialTrainables(model: TrainableModel, spec: AdapterOptions): Trainables {
  return spec.lora === false ? allParameters(model) : adapterOf(model, spec, spec.lora);
}

/** What the graphs are fed that no step changes. */
export function frozenFeeds({ feeds, parameters }: Trainables): Feeds {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => !parameters.has(name)));
}

function allParameters({ dir, config, spec, weights }: TrainableModel): Trainables {
  const parameters: Tensors = new Map(trainedNames(spec).map((name) => [name, Float32Array.from(weights[name]!)]));
  const feeds = { ...weights, ...Object.fromEntries(parameters) };
  const tensors = () =>
    [...parameterShapes(spec)].map(([name, shape]) => ({ name, shape, data: feeds[name] as Float32Array }));
  return {
    plan: null,
    parameters,
    feeds,
    toWeights: () => ({ model: { config, tensors: tensors(), tokenizerFilesFrom: dir } }),
    unmoved: () => [],
    dropoutFeeds: () => ({}),
  };
}

function adapterOf(model: TrainableModel, { modelName, seed: runSeed }: AdapterOptions, lora: LoraSpec): Trainables {
  const { r, alpha, dropout = 0, useRslora = false, useDora = false, initStd, seed = runSeed } = lora;
  const targetModules = targetsOf(model, lora);
  const layers = layersOf(model, lora);
  const scale = loraScale({ r, alpha, useRslora });
  const plan = planLora(model.spec, targetModules, {
    r,
    scale,
    dropout: dropout > 0,
    dora: useDora,
    layers: layers ?? undefined,
  });
  const modules: Adapter["modules"] = new Map();
  for (const [name, size] of plan.modules) {
    modules.set(name, {
      ...size,
      a: initialA(name, { r, inFeatures: size.inFeatures, std: initStd, seed }),
      b: new Float32Array(size.outFeatures * r),
      ...(useDora ? { magnitude: rowLengths(denseWeight(model, `${name}.weight`), size.outFeatures) } : {}),
    });
  }
  const gaussianInit = initStd !== undefined;
  const settings = { r, alpha, useRslora, dropout, targetModules, layers, gaussianInit, baseModelName: modelName };
  const { weightBits } = model.spec;
  const held = weightBits === undefined ? {} : { baseWeightBits: weightBits };
  const adapter: Adapter = { ...settings, ...(useDora ? { useDora } : {}), ...held, modules };
  const feeds = feedsOf(adapter) as Record<string, Float32Array>;
  return {
    plan,
    parameters: new Map(Object.entries(feeds)),
    feeds: { ...model.weights, ...feeds },
    toWeights: () => ({ adapter }),
    unmoved: () => [...modules].filter(([, { b }]) => b.every((x) => x === 0)).map(([name]) => name),
    dropoutFeeds: (rows, step, microBatch) =>
      dropout > 0 ? dropoutFeeds(plan, dropout, rows, { seed, step, microBatch }) : {},
  };
}

function targetsOf({ spec }: TrainableModel, { targetModules }: LoraSpec): string[] {
  const known = loraTargets(spec);
  const wrong = targetModules?.find((name) => !known.includes(name));
  if (wrong === undefined) return targetModules ?? known;
  throw new EngineError("invalid_config", `lora.targetModules: this model has no "${wrong}"`, {
    param: "lora.targetModules",
    hint: `Choose from ${known.join(", ")}.`,
  });
}

/** The last `lora.layers` layers; null = all. */
function layersOf({ spec }: TrainableModel, { layers }: LoraSpec): number[] | null {
  const count = spec.layers.length;
  if (layers === undefined || layers === count) return null;
  if (Number.isInteger(layers) && layers > 0 && layers < count) return range(layers).map((i) => count - layers + i);
  throw new EngineError("invalid_config", `lora.layers is ${layers}; this model has ${count} layers.`, {
    param: "lora.layers",
    hint: `Choose a whole number from 1 to ${count}.`,
  });
}

interface InitialA {
  r: number;
  inFeatures: number;
  std: number | undefined;
  seed: number;
}

/** Normal, or uniform in ±1/√in: kaiming_uniform with a = √5, PEFT's own choice (B starts at zero). */
function initialA(module: string, { r, inFeatures, std, seed }: InitialA): Float32Array {
  const a = new Float32Array(r * inFeatures);
  const key = { seed, stream: [hashString("lora_A"), hashString(module)] };
  if (std !== undefined) {
    normals(a, key, std);
    return a;
  }
  uniforms(a, key);
  const bound = 1 / Math.sqrt(inFeatures);
  return a.map((x) => (2 * x - 1) * bound);
}

function dropoutFeeds(
  plan: LoraPlan,
  p: number,
  { from, count }: RowSpan,
  key: { seed: number; step: number; microBatch: number },
): Feeds {
  const feeds: Feeds = {};
  for (const [module, { inFeatures }] of plan.modules) {
    const mask = new Float32Array((from + count) * inFeatures);
    dropoutMask(mask, { ...key, module }, p);
    feeds[`dropout.${module}`] = mask.subarray(from * inFeatures);
  }
  return feeds;
}

export function countParameters({ parameters }: Pick<Trainables, "parameters">): number {
  return parameters.values().reduce((sum, { length }) => sum + length, 0);
}

/** Overwrites the parameters with those of a checkpoint. Throws `invalid_checkpoint` where they do not fit. */
export function restore({ parameters }: Trainables, saved: Feeds): void {
  for (const [name, data] of parameters) {
    const from = saved[name];
    if (from?.length === data.length) data.set(from as Float32Array);
    else
      throw new EngineError("invalid_checkpoint", `The checkpoint's "${name}" does not fit this run.`, { param: name });
  }
}
