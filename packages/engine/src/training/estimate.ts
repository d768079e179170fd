/** What a run will take, before it takes it: from shapes and counts alone. */
import { totalmem } from "node:os";
import type { BaseModel } from "../base-model.ts";
import { liveMemory } from "../graph/live-memory.ts";
import { rewrite } from "../graph/rewrite.ts";
import { backwardShareOf, trainingFlopsPerToken } from "../models/flops.ts";
import type { LoraPlan } from "../models/objective.ts";
import type { RunCosts, TrainSpec } from "../spec.ts";
import { EngineError } from "../util.ts";
import { constantBytes, constantWeights } from "./constant-weights.ts";
import type { Objective } from "./objective.ts";
import { type RunPlan, splitShapes, withRecompute } from "./run-plan.ts";
import { tokenObjective } from "./token-objective.ts";

/** Bytes at the most memory-hungry moment of a step. */
export interface MemoryEstimate {
  /** Node, ONNX Runtime and the compiled graphs. */
  runtime: number;
  /** The base model, and what is copied of it: with full fine-tuning to be trained, else for `constantWeights`. */
  weights: number;
  /** What the forward pass keeps for the backward pass, and what a micro-batch is fed. */
  activations: number;
  /** Sums over an accumulation window. */
  gradients: number;
  /** Two moments of each trained parameter. */
  optimizer: number;
  total: number;
}

export interface RunEstimate {
  memory: MemoryEstimate;
  trainableParameters: number;
  flopsPerEpoch: number;
}

/** Resident with a small model, before its first step. */
const runtimeBytes = 0.25e9;
/** ONNX Runtime asks the system for memory in steps that double, and what it holds has holes. */
const arenaSlack = 1.2;

export interface EstimateOptions {
  /** Default: supervised fine-tuning's. */
  objective?: Objective;
}

/** How adapters are wired in, null for full fine-tuning; `trainableParameters` counts what is trained. */
export interface EstimatedRun extends RunPlan {
  lora: LoraPlan | null;
  trainableParameters: number;
}

export function estimateRun(
  { gradientAccumulationSteps }: Pick<TrainSpec, "gradientAccumulationSteps">,
  { spec, weights }: Pick<BaseModel, "spec" | "weights">,
  run: EstimatedRun,
  { objective = tokenObjective }: EstimateOptions = {},
): RunEstimate {
  const { lora, trainableParameters } = run;
  const trained = 4 * trainableParameters;
  const base = Object.values(weights).reduce((sum, { byteLength }) => sum + byteLength, 0);
  const graph = rewrite(Object.values(objective.trainingGraph(spec, run.trainShape, lora)));
  // ONNX Runtime computes the last output first: gradients from the last layer to the first.
  const { fed, held } = liveMemory(graph.toReversed());
  const copied = lora === null ? trained : constantBytes(constantWeights(spec, run.trainShape, weights));
  // The weights are fed, too; with an adapter its own are among what is fed besides.
  const parts = {
    runtime: runtimeBytes,
    weights: base + copied,
    activations: Math.round(arenaSlack * held) + Math.max(0, fed - base),
    gradients: gradientAccumulationSteps > 1 ? trained : 0,
    optimizer: 2 * trained,
  };
  return {
    memory: { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) },
    trainableParameters,
    flopsPerEpoch: flopsOfEpoch(spec, run),
  };
}

function flopsOfEpoch(spec: BaseModel["spec"], { rows, lora, trainableParameters }: EstimatedRun): number {
  const count = (test: (row: (typeof rows)[number], i: number) => boolean) =>
    rows.reduce((sum, row) => sum + row.ids.reduce((n, _, i) => n + (test(row, i) ? 1 : 0), 0), 0);
  const tokens = count(({ segments }, i) => segments[i]! >= 0);
  const supervised = count(({ weights }, i) => weights[i]! > 0);
  const documents = rows.reduce((sum, { examples }) => sum + examples, 0);
  const perToken = trainingFlopsPerToken(spec, {
    loraParameters: lora === null ? null : trainableParameters,
    backwardShare: lora === null ? 1 : backwardShareOf(spec, lora.modules),
    supervisedShare: supervised / Math.max(1, tokens),
    length: tokens / Math.max(1, documents),
  });
  return tokens * perToken;
}

/** Share of the machine's matrix product that training usually reaches; small models and short rows reach less. */
const usualShare = 0.75;

/** `peakGflops`: the machine's, see `machinePeak`. */
export function costsOf({ memory, flopsPerEpoch }: RunEstimate, peakGflops: number): RunCosts {
  const secondsPerEpoch = flopsPerEpoch / (usualShare * peakGflops * 1e9);
  return { memoryBytes: memory.total, flopsPerEpoch, secondsPerEpoch };
}

export interface Room {
  /** Bytes that the run may use. */
  available: number;
  /** In how many parts each micro-batch is computed. */
  parts: number;
}

/**
 * The plan with blocks computed again in the backward pass where the run asks for it, or says nothing and would fill most of the memory
 * otherwise; and its estimate.
 */
export function fitPlan<Plan extends EstimatedRun>(
  spec: TrainSpec,
  model: Pick<BaseModel, "spec" | "weights">,
  plan: Plan,
  { available, parts }: Room,
): { plan: Plan; estimate: RunEstimate } {
  const estimated = (chosen: Plan) => ({
    plan: chosen,
    estimate: estimateRun(spec, model, { ...chosen, ...splitShapes(chosen, parts) }),
  });
  const always = spec.recompute ?? model.spec.weightBits !== undefined;
  const first = estimated(always ? withRecompute(plan) : plan);
  const short = first.estimate.memory.total > comfortable * available;
  return short && spec.recompute === undefined && !always ? estimated(withRecompute(plan)) : first;
}

/** Bytes that this process may use: the machine's, or what its container is given. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Above this share of the memory the operating system and its caches have too little. */
const comfortable = 0.8;

/** Null when the run fits into `available` bytes; a warning when barely. Throws `invalid_config`, naming what to lower, when not. */
export function checkMemory({ memory }: RunEstimate, available: number, spec: TrainSpec): string | null {
  const found = `This run needs about ${gigabytes(memory.total)} of memory, and this machine has ${gigabytes(available)}`;
  const { param, hint } = whatToLower(memory, spec);
  if (memory.total > available) throw new EngineError("invalid_config", `${found}.`, { param, hint });
  return memory.total > comfortable * available ? `${found}: it may become slow or be killed. ${hint}` : null;
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(2)} GB`;

/** By what takes most. */
function whatToLower(memory: MemoryEstimate, { batchSize, maxLength, lora, recompute }: TrainSpec) {
  const { weights, activations, gradients, optimizer } = memory;
  const trained = gradients + optimizer;
  if (lora === false && weights / 2 + trained > activations)
    return { param: "lora", hint: "Train an adapter (lora) instead of every parameter, or a smaller model." };
  if (weights > activations && lora !== false && !lora.loadIn4bit)
    return { param: "lora.loadIn4bit", hint: "Set lora.loadIn4bit, or train a smaller model." };
  if (weights > activations) return { param: "modelDir", hint: "Train a smaller model." };
  if (recompute === false)
    return {
      param: "recompute",
      hint: "Leave recompute out: blocks are then computed twice, and little of them is kept.",
    };
  if (batchSize > 1)
    return {
      param: "batchSize",
      hint: `Lower batchSize (now ${batchSize}) and raise gradientAccumulationSteps as much, or lower maxLength (now ${maxLength}).`,
    };
  return { param: "maxLength", hint: `Lower maxLength (now ${maxLength}).` };
}
