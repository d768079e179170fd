/** How long a fault campaign is: a few seconds in `npm test`, in full under `npm run test:faults`. */

import { vi } from "vitest";

/** True under `npm run test:faults`. */
export const isFull = process.env.MIDRUN_FAULTS === "full";

// Campaigns start processes, which a busy machine makes slow.
vi.setConfig({ testTimeout: (isFull ? 40 : 5) * 60_000 });

/** A count, or what the environment variable `MIDRUN_FAULTS_<name>` says instead. */
export function sizeOfCampaign(name: string, { short, full }: { short: number; full: number }): number {
  const asked = process.env[`MIDRUN_FAULTS_${name}`];
  return asked === undefined ? (isFull ? full : short) : Number(asked);
}

/** Prints a finding of a full campaign; `npm test` prints nothing. */
export function report(line: string): void {
  if (isFull) process.stdout.write(`${line}\n`);
}
