/** What a job tells while it runs. SSE `event:` equals `type`, SSE `id:` is the event's id; ids survive restarts. */
import type { MidrunError } from "../errors.ts";
import type { Artifact } from "./job.ts";

/** Metrics of one step. A metric that was not computed is null, never absent. */
export interface StepMetrics {
  step: number;
  totalSteps: number | null;
  /** Mean over this step's supervised tokens, natural log. */
  loss: number | null;
  evalLoss: number | null;
  evalAccuracy: number | null;
  learningRate: number | null;
  /** Epochs done, fractional. */
  epoch: number | null;
  samplesPerSecond: number | null;
  tokensPerSecond: number | null;
  gradNorm: number | null;
  /** Share of supervised tokens whose argmax is right, 0..1. */
  accuracy: number | null;
  /** Model FLOPs a second / 1e9, by the usual count: neither padding nor recomputation. */
  gflops: number | null;
  /** Model FLOPs utilisation: `gflops` as a share of what the machine's matrix product does at best. */
  mfu: number | null;
  /** Share of positions that hold padding, 0..1. */
  paddingShare: number | null;
  /** Share of real tokens that carry loss, 0..1. */
  supervisedShare: number | null;
  /** With method `dpo`: of this step's pairs. */
  rewards?: Rewards;
  /** With method `dpo`: of all held-out pairs, where they were looked at. */
  evalRewards?: Rewards;
}

/**
 * Means over preference pairs: how much more (β times log-probability) a reply is worth to the model than before training.
 * `margin` is chosen minus rejected.
 */
export interface Rewards {
  chosen: number;
  rejected: number;
  margin: number;
}

/** Means over the supervised tokens of one forward pass. */
export interface MicroBatchMetrics {
  /** Natural log. */
  loss: number;
  /** Share of tokens whose argmax is right, 0..1. */
  accuracy: number;
  /** Supervised tokens. */
  tokens: number;
}

/** The forward passes of a step, and of the evaluation after it; told when the job's `microBatchMetrics` asks for them. */
export interface MicroBatches {
  microBatches?: MicroBatchMetrics[];
  evalMicroBatches?: MicroBatchMetrics[];
}

export type JobErrorBody = ReturnType<MidrunError["toJSON"]>;

export type JobEventBody =
  | { type: "training.queued" }
  | {
      type: "training.started";
      totalSteps: number;
      trainableParameters: number;
      dataset: Record<string, unknown>;
      resumedFromStep: number;
      /** The effective configuration: what the user said and every default, without data, secrets or where things lie. */
      config?: Record<string, unknown>;
      /** SHA-256, hexadecimal, of the base model, of the rows as the model sees them, and of the configuration. */
      fingerprints?: { model: string; dataset: string; spec: string };
      /** What the run is expected to take: peak memory, floating-point operations and seconds of one pass over the rows. */
      estimate?: { memoryBytes: number; flopsPerEpoch: number; secondsPerEpoch: number };
    }
  | ({ type: "training.log" } & StepMetrics & MicroBatches)
  | { type: "training.warning"; message: string }
  | {
      type: "checkpoint.saved";
      step: number;
      artifacts: Artifact[];
      metrics: StepMetrics;
      /** Steps of the checkpoints that gave way to this one, see `keepCheckpoints`; absent when none did. */
      removedSteps?: number[];
    }
  /** `disk_full`: nobody asked for it, and the job goes on by itself when there is space again. */
  | { type: "training.paused"; step: number; reason?: "disk_full" }
  | { type: "training.completed"; artifacts: Artifact[]; metrics: StepMetrics | null }
  | { type: "training.failed"; error: JobErrorBody; step: number | null }
  | { type: "training.cancelled" };

/** A stored event: `id` increases by one within the job, `timestamp` is ISO 8601. */
export type JobEvent = JobEventBody & { id: number; jobId: string; timestamp: string };
export type JobEventType = JobEventBody["type"];

/** After one of these nothing more is appended to a job's log. */
const terminalEventTypes = ["training.completed", "training.failed", "training.cancelled"] as const;

export function isTerminalEvent(event: { type: string }): boolean {
  return (terminalEventTypes as readonly string[]).includes(event.type);
}
