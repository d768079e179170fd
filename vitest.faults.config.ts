import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

const { onConsoleLog: _, ...quiet } = base.test!;

// The fault campaigns in full (`npm test` runs them short). They may print what they measured.
export default defineConfig({
  ...base,
  test: {
    ...quiet,
    include: ["packages/*/src/**/*.faults.ts"],
    env: { MIDRUN_FAULTS: "full" },
    testTimeout: 30 * 60_000,
    maxWorkers: 2,
  },
});
