/** Between the engine's words and the server's. */
import type {
  FoundCheckpoint,
  GenerateRequest,
  TrainEvent,
  TrainLog,
  TrainResult,
  WorkerErrorBody,
} from "@midrun/engine";
import { MidrunError } from "../../errors.ts";
import type { MicroBatches, StepMetrics } from "../../protocol/event.ts";
import type { Artifact } from "../../protocol/job.ts";
import type { GenerateInput, RunnerEvent, TrainOutcome } from "../runner.ts";

type EngineMetrics = Extract<TrainEvent, { type: "checkpoint" }>["metrics"];

/** The same metrics, and none that a newer engine may add. */
const toMetrics = (metrics: EngineMetrics): StepMetrics => ({
  step: metrics.step,
  totalSteps: metrics.totalSteps,
  loss: metrics.loss,
  evalLoss: metrics.evalLoss,
  evalAccuracy: metrics.evalAccuracy,
  learningRate: metrics.learningRate,
  epoch: metrics.epoch,
  samplesPerSecond: metrics.samplesPerSecond,
  tokensPerSecond: metrics.tokensPerSecond,
  gradNorm: metrics.gradNorm,
  accuracy: metrics.accuracy,
  gflops: metrics.gflops,
  mfu: metrics.mfu,
  paddingShare: metrics.paddingShare,
  supervisedShare: metrics.supervisedShare,
  ...(metrics.rewards ? { rewards: metrics.rewards } : {}),
  ...(metrics.evalRewards ? { evalRewards: metrics.evalRewards } : {}),
});

const microBatchesOf = ({ microBatches, evalMicroBatches }: TrainLog): MicroBatches => ({
  ...(microBatches ? { microBatches } : {}),
  ...(evalMicroBatches ? { evalMicroBatches } : {}),
});

const translations: {
  [T in TrainEvent["type"]]: (event: Extract<TrainEvent, { type: T }>) => RunnerEvent;
} = {
  started: ({ totalSteps, trainableParameters, dataset, resumedFromStep, fingerprints, estimate }) => ({
    type: "training.started",
    totalSteps,
    trainableParameters,
    dataset: { ...dataset },
    resumedFromStep,
    fingerprints,
    estimate,
  }),
  log: (log) => ({ type: "training.log", ...toMetrics(log), ...microBatchesOf(log) }),
  checkpoint: ({ step, dir, files, metrics, removedSteps }) => ({
    type: "checkpoint.saved",
    step,
    artifacts: [{ kind: "checkpoint", step, path: dir, files }],
    metrics: toMetrics(metrics),
    ...(removedSteps ? { removedSteps } : {}),
  }),
  warning: ({ message }) => ({ type: "training.warning", message }),
};

export function toRunnerEvent(event: TrainEvent): RunnerEvent {
  return (translations[event.type] as (event: TrainEvent) => RunnerEvent)(event);
}

/** A checkpoint that is on disk, and of which its run could not tell any more. It holds only some of the step's metrics. */
export function toSavedEvent(
  { step, dir, files, epoch, metrics }: FoundCheckpoint,
  totalSteps: number | null,
): Extract<RunnerEvent, { type: "checkpoint.saved" }> {
  const { loss = null, evalLoss = null } = metrics;
  const speeds = { samplesPerSecond: null, tokensPerSecond: null, gflops: null, mfu: null };
  const others = { evalAccuracy: null, learningRate: null, gradNorm: null, accuracy: null };
  const shares = { paddingShare: null, supervisedShare: null };
  return {
    type: "checkpoint.saved",
    step,
    artifacts: [{ kind: "checkpoint", step, path: dir, files }],
    metrics: { step, totalSteps, epoch, loss, evalLoss, ...others, ...speeds, ...shares },
  };
}

export function toOutcome({ status, step, metrics }: TrainResult, artifact: Artifact | null): TrainOutcome {
  return { status, step, artifact, metrics: metrics && toMetrics(metrics) };
}

/** The engine's codes are a part of ours. */
export function fromEngineError({ code, message, param, hint }: WorkerErrorBody): MidrunError {
  return new MidrunError(code, message, { param, hint });
}

function toPrompt({ prompt, messages }: Pick<GenerateInput, "prompt" | "messages">): GenerateRequest["prompt"] {
  if (typeof prompt === "string") return { text: prompt, specialTokens: true };
  if (prompt !== undefined) return { ids: prompt };
  return {
    messages: messages.map((message) =>
      message.role === "assistant" ? { ...message, content: message.content ?? null } : message,
    ),
  };
}

export function toGenerateRequest({
  model: _model,
  signal: _signal,
  adapterDir,
  weightBits: _weightBits,
  messages,
  prompt,
  seed,
  ...asked
}: GenerateInput): GenerateRequest {
  return {
    ...asked,
    ...(adapterDir === null ? {} : { adapterDir }),
    prompt: toPrompt({ prompt, messages }),
    ...(seed === null ? {} : { seed }),
  };
}
