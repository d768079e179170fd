import { defineConfig } from "vitest/config";

// Tests run on the TypeScript sources; the condition makes packages resolve each other's src/.
const conditions = ["midrun-source"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      // Short; in full by `npm run test:faults`.
      "packages/*/src/**/*.faults.ts",
      "scripts/**/*.test.ts",
      "examples/**/*.test.ts",
      "models/**/*.test.ts",
      "bench/**/*.test.ts",
    ],
    execArgv: ["--conditions=midrun-source", "--disable-warning=ExperimentalWarning"],
    pool: "forks",
    testTimeout: 60_000,
    onConsoleLog(log) {
      throw new Error(`A test must not print. It printed: ${log}`);
    },
  },
});
