/**
 * The last logs of a run, kept in its checkpoints. Whoever watches may die after a step was saved and before its log was written
 * down; when the run goes on, what they missed is told again.
 */
import type { TrainLog } from "../spec.ts";

export interface RecentLogs {
  /** Oldest first, as a checkpoint keeps them. */
  readonly lines: readonly TrainLog[];
  add(log: TrainLog): TrainLog;
}

/** More than a watcher can lose in the moments before it is gone. */
const limit = 32;

/** How fast a step was says nothing about it: equal runs keep equal lines. */
const unmeasured = { tokensPerSecond: null, samplesPerSecond: null, gflops: null, mfu: null };

/** `kept`: those of the checkpoint that the run continues from. */
export function createRecentLogs(kept: readonly TrainLog[]): RecentLogs {
  let lines = [...kept];
  return {
    get lines() {
      return lines;
    },
    add(log) {
      const { microBatches, evalMicroBatches, ...line } = log;
      lines = [...lines.filter(({ step }) => step < log.step), { ...line, ...unmeasured }].slice(-limit);
      return log;
    },
  };
}

/** What a watcher that knows the logs up to `historyStep` has missed. Without a watcher, nothing. */
export function missedLogs(kept: readonly TrainLog[], historyStep: number | undefined): readonly TrainLog[] {
  return historyStep === undefined ? [] : kept.filter(({ step }) => step > historyStep);
}
