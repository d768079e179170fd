/** What is told of a step. */
import type { BaseModel } from "../base-model.ts";
import { backwardShareOf, trainingFlopsPerToken } from "../models/flops.ts";
import type { DatasetReport, TrainLog } from "../spec.ts";
import type { Quality } from "./objective.ts";
import type { RunPlan } from "./run-plan.ts";
import { countParameters, type Trainables } from "./trainables.ts";

export type Metrics = Omit<TrainLog, "type">;

/** What the metrics of all steps depend on. */
export interface MeasuredRun {
  model: Pick<BaseModel, "spec">;
  plan: RunPlan;
  report: DatasetReport;
  trained: Trainables;
  /** What the machine does at best, GFLOP/s. */
  peakGflops: number;
}

export interface StepFacts {
  step: number;
  window: Quality;
  learningRate: number;
  gradNorm: number;
  seconds: number;
  held: Quality | null;
}

export function metricsOf(
  run: MeasuredRun,
  { step, window, learningRate, gradNorm, seconds, held }: StepFacts,
): Metrics {
  const { plan, report } = run;
  const rows = plan.microBatches(step).flat();
  const places = rows.length * plan.trainShape.length;
  const tokens = rows.reduce(
    (sum, { segments }) => sum + segments.reduce((n, segment) => n + (segment >= 0 ? 1 : 0), 0),
    0,
  );
  const gflops = (tokens * flopsPerToken(run)) / seconds / 1e9;
  return {
    step,
    totalSteps: plan.totalSteps,
    epoch: step / plan.stepsPerEpoch,
    loss: window.loss,
    accuracy: window.accuracy,
    evalLoss: held?.loss ?? null,
    evalAccuracy: held?.accuracy ?? null,
    learningRate,
    gradNorm,
    tokensPerSecond: tokens / seconds,
    samplesPerSecond: rows.reduce((sum, { examples }) => sum + examples, 0) / plan.perSample / seconds,
    gflops,
    mfu: gflops / run.peakGflops,
    paddingShare: 1 - tokens / places,
    supervisedShare: supervisedShareOf(report),
    ...(window.rewards ? { rewards: window.rewards } : {}),
    ...(held?.rewards ? { evalRewards: held.rewards } : {}),
  };
}

const supervisedShareOf = ({ supervisedTokens, tokens }: DatasetReport) => supervisedTokens / Math.max(1, tokens);

function flopsPerToken({ model, plan, trained, report }: MeasuredRun): number {
  return trainingFlopsPerToken(model.spec, {
    loraParameters: trained.plan === null ? null : countParameters(trained),
    backwardShare: trained.plan === null ? 1 : backwardShareOf(model.spec, trained.plan.modules),
    supervisedShare: supervisedShareOf(report),
    length: report.tokens / Math.max(1, plan.perSample * report.rows),
  });
}
