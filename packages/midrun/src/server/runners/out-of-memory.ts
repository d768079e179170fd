/** Workers that could not go on for want of memory, killed by the operating system or not: how to tell, and how to go on in less of it. */
import { readFileSync } from "node:fs";
import { isMidrunError } from "../../errors.ts";

/** Kills for want of memory on this machine so far; null where it cannot be told. */
export type CountKills = () => number | null;

const counters: readonly [path: string, pattern: RegExp][] = [
  ["/sys/fs/cgroup/memory.events", /^oom_kill (\d+)$/m],
  ["/proc/vmstat", /^oom_kill (\d+)$/m],
];

/** As Linux counts them, for the machine and for the container. */
export function countMemoryKills(): number | null {
  const counts = counters.flatMap(([path, pattern]) => {
    try {
      return Number(pattern.exec(readFileSync(path, "utf8"))?.[1] ?? 0);
    } catch {
      return []; // not this kind of system
    }
  });
  return counts.length === 0 ? null : counts.reduce((a, b) => a + b, 0);
}

/** What lowering `batchSize` helps against: a worker that died so, or its engine's own word. */
function isShortOfMemory(error: unknown): boolean {
  return isMidrunError(error) && error.code === "out_of_memory" && error.param === "batchSize";
}

export interface Attempts {
  /** Rows of a micro-batch. */
  batchSize: number;
  onWarning(message: string): void;
}

/** Tries again with micro-batches in twice as many parts after each time, until they are single rows. */
export async function trainInLess<T>(
  attempt: (microBatchParts: number) => Promise<T>,
  { batchSize, onWarning }: Attempts,
): Promise<T> {
  for (let parts = 1; ; parts *= 2) {
    try {
      return await attempt(parts);
    } catch (error) {
      if (!isShortOfMemory(error) || parts >= batchSize) throw error;
      const rows = Math.ceil(batchSize / parts / 2);
      onWarning(
        `Memory ran out, and the worker could not go on. The job continues from its last checkpoint with micro-batches computed ` +
          `${rows} ${rows === 1 ? "row" : "rows"} at a time; each step still averages over all of its rows.`,
      );
    }
  }
}
