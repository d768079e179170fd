/**
 * A whole server, to be killed: `node server-process.ts '{"dataDir":…}'` prints its URL. Its runner is the engine on one thread, or
 * with `stepMs` one without a model that does a step in so many milliseconds.
 */
import { fileURLToPath } from "node:url";
import * as engine from "@midrun/engine/host";
import { collectIfAsked } from "../../../../engine/src/testing/faults/collect.ts";
import { createApp } from "../app.ts";
import { createEmbeddedRunner } from "../runners/embedded.ts";
import { createFakeRunner } from "../runners/fake.ts";
import { listen } from "../serve.ts";
import { createSqliteStore } from "../stores/sqlite.ts";

export interface ServerProcessOptions {
  dataDir: string;
  /** Default 0: any free one. */
  port?: number;
  stepMs?: number;
}

collectIfAsked();
const { dataDir, port = 0, stepMs }: ServerProcessOptions = JSON.parse(process.argv[2]!);

const workerPath = fileURLToPath(new URL("../../../../engine/src/testing/faults/train-process.ts", import.meta.url));

function steadyRunner(everyMs: number) {
  const runner = createFakeRunner({ manual: true, saveSteps: 50 });
  setInterval(() => {
    if (runner.training.length > 0) void runner.advance(1).catch(() => {});
  }, everyMs);
  return runner;
}

const embedded =
  stepMs === undefined
    ? createEmbeddedRunner({ loadEngine: async () => ({ ...engine, workerPath }) })
    : steadyRunner(stepMs);
const app = createApp({ store: createSqliteStore(`${dataDir}/midrun.db`), runners: { embedded }, dataDir });
const { url } = await listen(app, { port });
process.stdout.write(url);
