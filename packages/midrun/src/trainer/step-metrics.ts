/** Metrics as callbacks see them: every one is there, null when it was not computed; rewards only where preferences are trained. */
import type { StepMetrics } from "../protocol/event.ts";

const noMetrics: Record<Exclude<keyof StepMetrics, "step" | "rewards" | "evalRewards">, null> = {
  totalSteps: null,
  loss: null,
  evalLoss: null,
  evalAccuracy: null,
  learningRate: null,
  epoch: null,
  samplesPerSecond: null,
  tokensPerSecond: null,
  gradNorm: null,
  accuracy: null,
  gflops: null,
  mfu: null,
  paddingShare: null,
  supervisedShare: null,
};

/** The metrics of an event alone; what an older server left out becomes null. */
export function toMetrics(event: Partial<StepMetrics> & { step: number }): StepMetrics {
  const names = Object.keys(noMetrics) as (keyof typeof noMetrics)[];
  const { step, rewards, evalRewards } = event;
  const metrics: StepMetrics = { ...noMetrics, step, ...(rewards && { rewards }), ...(evalRewards && { evalRewards }) };
  for (const name of names) metrics[name] = event[name] ?? null;
  return metrics;
}
