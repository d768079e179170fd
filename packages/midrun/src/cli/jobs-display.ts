/** Several jobs at once: a line for what happens to each, and one moving line for the job that stepped last. */
import type { JobEvent } from "../protocol/event.ts";
import type { Job } from "../protocol/job.ts";
import type { CliIo } from "./io.ts";
import { applyProgress, noProgress, type Progress, renderEvent, renderProgress } from "./progress.ts";

export interface JobsDisplay {
  event(job: Pick<Job, "id" | "name">, event: JobEvent): void;
  /** A remark, above the moving line. */
  note(text: string): void;
}

/** Where lines stay, steps are told of at most so often. */
const quietMs = 5000;
const clearLine = "\r\x1b[2K";

export function createJobsDisplay(io: CliIo): JobsDisplay {
  const progress = new Map<string, Progress>();
  const toldAt = new Map<string, number>();
  let moving = "";

  const print = (line: string | null, next = moving) => {
    io.out((moving === "" ? "" : clearLine) + (line === null ? "" : `${line}\n`) + next);
    moving = next;
  };

  const printStep = (name: string, { jobId, timestamp }: JobEvent, current: Progress) => {
    const columns = io.columns();
    if (columns !== null) return print(null, `${name}: ${renderProgress(current)}`.slice(0, columns - 1));
    const at = Date.parse(timestamp);
    const isLast = current.step === current.totalSteps;
    if (!isLast && at - (toldAt.get(jobId) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    toldAt.set(jobId, at);
    print(`${name}: ${renderProgress(current)}`);
  };

  return {
    event({ name }, event) {
      const current = applyProgress(progress.get(event.jobId) ?? noProgress, event);
      progress.set(event.jobId, current);
      const line = renderEvent(event);
      if (line === null) printStep(name, event, current);
      else print(`${name}: ${line}`);
    },
    note: (text) => print(text),
  };
}
