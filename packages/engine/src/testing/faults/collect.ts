/** For processes whose memory is watched: what grows is what they hold, not what a collector has not come to yet. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Tells a process and those that it starts to collect all garbage every second. */
export const collecting = { MIDRUN_FAULTS_COLLECT: "1" };

export function collectIfAsked(): void {
  if (process.env.MIDRUN_FAULTS_COLLECT === undefined) return;
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as NonNullable<typeof globalThis.gc>;
  setInterval(() => void collect({ type: "major", execution: "sync", flavor: "last-resort" }), 1000).unref();
}
