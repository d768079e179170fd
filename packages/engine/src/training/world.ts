/** What the last bits of a run's numbers depend on besides its specification: the machine, and how the work was divided. */
import { availableParallelism, cpus } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import { runtimeVersion } from "../onnx/session.ts";

/** As a checkpoint's `world` keeps it. */
export type World = Record<string, number | string>;

export interface Division {
  /** Threads of one operation; undefined = as many as cores. */
  threads: number | undefined;
  /** Parts in which each micro-batch is computed. */
  microBatchParts: number;
}

export function worldOf({ threads = availableParallelism(), microBatchParts }: Division): World {
  const cpu = `${process.arch} ${cpus()[0]?.model ?? "unknown"}`;
  return { threads, cpu, onnxruntime: runtimeVersion, midrun: manifest.version, microBatchParts };
}

/** In how many parts the run that wrote a checkpoint computed its micro-batches. */
export function partsOf(world: World | undefined): number {
  return typeof world?.microBatchParts === "number" ? world.microBatchParts : 1;
}

/** Null when a run in the world `now` repeats every bit of one in the world `before`; else what to tell the user. */
export function inexactWarning(before: World | undefined, now: World): string | null {
  if (before === undefined) return null;
  const changes = Object.keys(now)
    .filter((key) => before[key] !== now[key])
    .map((key) => `${key} is ${now[key]} and was ${before[key] ?? "unknown"}`);
  if (changes.length === 0) return null;
  return `The run continues inexactly (${changes.join(", ")}): its last bits may differ from those of an uninterrupted run.`;
}
