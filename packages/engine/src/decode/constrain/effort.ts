/**
 * How much work one constraint may be. Constraints are compiled where models train and answer, and nothing else happens there in the
 * meantime: what would take many seconds is refused. Counted in steps and not in time, so that every machine refuses the same.
 */
import { refusal } from "./refuse.ts";

let left = Number.POSITIVE_INFINITY;

/** Does `work`, which may spend so many steps. Synchronous: the count is of the one piece of work in progress. */
export function withEffort<T>(steps: number, work: () => T): T {
  const before = left;
  left = steps;
  try {
    return work();
  } finally {
    left = before;
  }
}

/** @throws EngineError `invalid_request` when the work in progress has no steps left */
export function spend(steps: number): void {
  left -= steps;
  if (left < 0) throw refusal("Compiling it would take too long: too complex.");
}
