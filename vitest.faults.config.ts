import { existsSync, statfsSync } from "node:fs";
import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

const { onConsoleLog: _, ...quiet } = base.test!;

/** Bytes that are free below a directory; 0 when there is none. */
function roomIn(directory: string): number {
  if (!existsSync(directory)) return 0;
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

// A kill or a simulated fault needs no real disk, and a shared one would make the campaigns take hours. Containers may have a tiny one.
const memoryDisk = roomIn("/dev/shm") > 2 ** 30 ? { TMPDIR: "/dev/shm" } : {};

// The fault campaigns in full (`npm test` runs them short). They may print what they measured.
export default defineConfig({
  ...base,
  test: {
    ...quiet,
    include: [
      "packages/*/src/**/*.faults.ts",
      // Faults that need no campaign of their own: leases and clocks (F6), callbacks (F9), routes and keys (F11).
      "packages/midrun/src/server/scheduler.property.test.ts",
      "packages/midrun/src/server/scheduler-leases.test.ts",
      "packages/midrun/src/trainer/create-trainer.test.ts",
      "packages/midrun/src/server/keys.test.ts",
      "packages/midrun/src/server/auth.test.ts",
    ],
    env: { MIDRUN_FAULTS: "full", ...memoryDisk },
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
