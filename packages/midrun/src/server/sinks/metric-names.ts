/** What a logged step measured, as named numbers. */
import type { JobEvent, Rewards, StepMetrics } from "../../protocol/event.ts";

export type LogEvent = Extract<JobEvent, { type: "training.log" }>;

type Scalar = Exclude<keyof StepMetrics, "step" | "totalSteps" | "rewards" | "evalRewards">;

/** Every metric, in the groups in which boards show them. */
const names: Record<Scalar, string> = {
  loss: "train/loss",
  accuracy: "train/accuracy",
  learningRate: "train/learning_rate",
  gradNorm: "train/grad_norm",
  epoch: "train/epoch",
  evalLoss: "eval/loss",
  evalAccuracy: "eval/accuracy",
  tokensPerSecond: "speed/tokens_per_second",
  samplesPerSecond: "speed/samples_per_second",
  gflops: "speed/gflops",
  mfu: "speed/mfu",
  paddingShare: "data/padding_share",
  supervisedShare: "data/supervised_share",
};

const rewardNames = (prefix: string, rewards: Rewards | undefined) =>
  Object.entries(rewards ?? {}).map(([name, value]): [string, number] => [`${prefix}/${name}`, value]);

/** Those that were measured: `[["train/loss", 0.5], …]`. */
export function namedMetrics(event: LogEvent): [string, number][] {
  const scalars = Object.entries(names).flatMap(([field, name]): [string, number][] => {
    const value = event[field as Scalar];
    return value == null ? [] : [[name, value]];
  });
  return [...scalars, ...rewardNames("rewards", event.rewards), ...rewardNames("eval_rewards", event.evalRewards)];
}

/** Picks the steps that a sink was not told yet. */
export interface NewSteps {
  /** A run that continues from a checkpoint does some of its steps again, with equal results: those are left out. */
  (events: readonly JobEvent[]): LogEvent[];
  /** They have arrived, and are not given again. */
  told(events: readonly LogEvent[]): void;
}

export function createNewSteps(): NewSteps {
  let toldStep = 0;
  const pick = (events: readonly JobEvent[]): LogEvent[] => {
    const fresh: LogEvent[] = [];
    for (const event of events) {
      if (event.type === "training.log" && event.step > (fresh.at(-1)?.step ?? toldStep)) fresh.push(event);
    }
    return fresh;
  };
  return Object.assign(pick, {
    told(events: readonly LogEvent[]) {
      toldStep = events.at(-1)?.step ?? toldStep;
    },
  });
}
