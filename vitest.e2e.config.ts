import { defineConfig, mergeConfig } from "vitest/config";
import base from "./vitest.config.ts";

// What takes minutes: whole fine-tunes and files of the largest size, as users have them.
const { test } = base;
export default mergeConfig(
  { ...base, test: { ...test, include: [] } },
  defineConfig({
    test: { include: ["e2e/**/*.test.ts"], testTimeout: 1_200_000, hookTimeout: 60_000, fileParallelism: false },
  }),
);
