/** A training run that takes a second: one of the golden models on a few chats. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { type BaseModel, loadBaseModel } from "../base-model.ts";
import type { TrainCommand, TrainEvent, TrainLog, TrainResult, TrainSpec } from "../spec.ts";
import { type TrainOptions, train } from "../train.ts";
import { range } from "../util.ts";

const modelDir = fileURLToPath(new URL("../../../../fixtures/qwen3-tied/model", import.meta.url));

let loading: Promise<BaseModel> | undefined;

/** The golden Qwen3, loaded once a test file. */
export function tinyModel(): Promise<BaseModel> {
  loading ??= loadBaseModel(modelDir);
  return loading;
}

/** A directory that goes when the test does. */
export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "midrun-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const words = ["red", "blue", "small", "warm", "old", "fast", "quiet", "round"];

/** Eight chats of unequal length. */
export const tinyChats = words.map((word, i) => ({
  messages: [
    { role: "user", content: `Say ${word}${" please".repeat(i % 3)}.` },
    {
      role: "assistant",
      content: range((i % 4) + 1)
        .map((n) => `${word} ${n}`)
        .join(", "),
    },
  ],
}));

export function tinySpec(outputDir: string, changes: Partial<TrainSpec> = {}): TrainSpec {
  return {
    modelDir,
    modelName: "tiny",
    outputDir,
    dataset: { type: "inline", rows: tinyChats },
    lora: { r: 4, alpha: 8 },
    maxLength: 64,
    trainOnResponsesOnly: true,
    maxSteps: 10,
    batchSize: 2,
    gradientAccumulationSteps: 1,
    packing: false,
    learningRate: 5e-3,
    lrSchedulerType: "cosine",
    lrMin: 1e-4,
    warmupSteps: 2,
    weightDecay: 0.01,
    adamBeta1: 0.9,
    adamBeta2: 0.999,
    adamEpsilon: 1e-8,
    maxGradNorm: 1,
    loggingSteps: 1,
    saveSteps: 0,
    evalSteps: 0,
    seed: 11,
    dryRun: false,
    ...changes,
  };
}

export interface TinyRun {
  result: TrainResult;
  events: TrainEvent[];
  logs: TrainLog[];
  losses: number[];
}

/** Runs to the end, or to the first command; `commandAt` is asked with the steps done. */
export async function runTiny(
  spec: TrainSpec,
  commandAt: (done: number) => TrainCommand | null = () => null,
  options: Partial<TrainOptions> = {},
): Promise<TinyRun> {
  const events: TrainEvent[] = [];
  const logs: TrainLog[] = [];
  const onEvent = (event: TrainEvent) => {
    events.push(event);
    if (event.type === "log") logs.push(event);
  };
  const done = () => logs.at(-1)?.step ?? 0;
  const nextCommand = () => commandAt(done());
  const result = await train(await tinyModel(), spec, { onEvent, nextCommand, threads: 1, ...options });
  return { result, events, logs, losses: logs.map(({ loss }) => loss!) };
}
