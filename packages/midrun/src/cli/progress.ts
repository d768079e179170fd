/** A run's progress as text: pure functions of its events, so that the same events always give the same lines. */
import type { JobEvent } from "../protocol/event.ts";

export interface Progress {
  step: number;
  totalSteps: number | null;
  loss: number | null;
  evalLoss: number | null;
  tokensPerSecond: number | null;
  /** Until the last step, at the pace so far; null before there is a pace. */
  etaMs: number | null;
  /** Where this process's pace is measured from: the first step since the run began or went on. */
  origin: { step: number; atMs: number } | null;
}

export const noProgress: Progress = {
  step: 0,
  totalSteps: null,
  loss: null,
  evalLoss: null,
  tokensPerSecond: null,
  etaMs: null,
  origin: null,
};

/** The progress after one more event. */
export function applyProgress(progress: Progress, event: JobEvent): Progress {
  switch (event.type) {
    case "training.started": {
      const origin = { step: event.resumedFromStep, atMs: Date.parse(event.timestamp) };
      return { ...progress, step: event.resumedFromStep, totalSteps: event.totalSteps, etaMs: null, origin };
    }
    case "training.log": {
      const totalSteps = event.totalSteps ?? progress.totalSteps;
      return {
        ...progress,
        step: event.step,
        totalSteps,
        loss: event.loss ?? progress.loss,
        evalLoss: event.evalLoss ?? progress.evalLoss,
        tokensPerSecond: event.tokensPerSecond ?? progress.tokensPerSecond,
        etaMs: etaOf(progress.origin, { step: event.step, atMs: Date.parse(event.timestamp) }, totalSteps),
      };
    }
    default:
      return progress;
  }
}

function etaOf(
  origin: Progress["origin"],
  now: { step: number; atMs: number },
  totalSteps: number | null,
): number | null {
  if (origin === null || totalSteps === null || now.step <= origin.step) return null;
  const msPerStep = (now.atMs - origin.atMs) / (now.step - origin.step);
  return Math.max(0, Math.round(msPerStep * (totalSteps - now.step)));
}

const barWidth = 20;

/** One line, no longer than `columns`; a bar only where there is room for it. No line end. */
export function renderProgress(progress: Progress, columns = Number.POSITIVE_INFINITY): string {
  const facts = factsOf(progress);
  const bar = progress.totalSteps === null ? "" : `${barOf(progress.step / progress.totalSteps)} `;
  const roomForBar = Number.isFinite(columns) && bar.length + facts.join("  ").length <= columns;
  while (facts.length > 1 && facts.join("  ").length > columns) facts.pop();
  return (roomForBar ? bar : "") + facts.join("  ").slice(0, columns);
}

/** The most important first: a narrow terminal loses the last ones. */
function factsOf({ step, totalSteps, loss, evalLoss, tokensPerSecond, etaMs }: Progress): string[] {
  const isOver = totalSteps !== null && step >= totalSteps;
  return [
    `step ${step}${totalSteps === null ? "" : `/${totalSteps}`}`,
    loss === null ? "" : `loss ${formatLoss(loss)}`,
    etaMs === null || isOver ? "" : `ETA ${formatDuration(etaMs)}`,
    tokensPerSecond === null ? "" : `${formatCount(tokensPerSecond)} tokens/s`,
    evalLoss === null ? "" : `eval loss ${formatLoss(evalLoss)}`,
  ].filter((fact) => fact !== "");
}

function barOf(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
  return "█".repeat(filled) + "░".repeat(barWidth - filled);
}

/** What an event is worth a line of its own for; null for the steps, which move the progress line. */
export function renderEvent(event: JobEvent): string | null {
  switch (event.type) {
    case "training.queued":
      return `Job ${event.jobId} is queued.`;
    case "training.started":
      return renderStarted(event);
    case "training.log":
      return null;
    case "training.warning":
      return `Warning: ${event.message}`;
    case "checkpoint.saved":
      return `Checkpoint saved at step ${event.step}${event.artifacts[0] ? ` (${event.artifacts[0].path})` : ""}.`;
    case "training.paused":
      return `Paused at step ${event.step}.`;
    case "training.completed":
      return "Completed.";
    case "training.failed":
      return `Failed${event.step === null ? "" : ` at step ${event.step}`}: ${event.error.message}`;
    case "training.cancelled":
      return "Cancelled.";
  }
}

type RunCosts = NonNullable<(JobEvent & { type: "training.started" })["estimate"]>;

function renderStarted(event: JobEvent & { type: "training.started" }): string {
  const verb = event.resumedFromStep > 0 ? `Continuing from step ${event.resumedFromStep}` : "Training";
  const { format, rows } = event.dataset as { format?: unknown; rows?: unknown };
  const data = typeof rows === "number" ? ` on ${formatCount(rows)} rows${format ? ` (${format})` : ""}` : "";
  const sizes = `${event.totalSteps} steps, ${formatCount(event.trainableParameters)} trainable parameters`;
  return `${verb}${data}: ${sizes}.${event.estimate ? ` ${renderEstimate(event.estimate)}` : ""}`;
}

function renderEstimate({ memoryBytes, secondsPerEpoch }: RunCosts): string {
  return `An epoch takes about ${formatDuration(secondsPerEpoch * 1000)} and ${(memoryBytes / 1e9).toPrecision(2)} GB of memory.`;
}

/** Three significant digits or more: 2.413, 0.0312, 123.4. */
export function formatLoss(loss: number): string {
  return loss >= 100 ? loss.toFixed(1) : loss >= 0.1 || loss <= 0 ? loss.toFixed(3) : loss.toPrecision(3);
}

/** 1234567 → 1,234,567; whole numbers from 10 on, one decimal below. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US", { maximumFractionDigits: count < 10 ? 1 : 0 });
}

/** `42s`, `3m 05s`, `2h 07m`, `3d 04h`: the two largest units. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const pad = (value: number) => String(value).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h ${pad(Math.floor((seconds % 3_600) / 60))}m`;
  return `${Math.floor(seconds / 86_400)}d ${pad(Math.floor((seconds % 86_400) / 3_600))}h`;
}
