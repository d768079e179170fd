import { existsSync } from "node:fs";
import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

const { onConsoleLog: _, ...quiet } = base.test!;

// A kill or a simulated fault needs no real disk, and a shared one would make the campaigns take hours.
const memoryDisk = existsSync("/dev/shm") ? { TMPDIR: "/dev/shm" } : {};

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
