/** The server that people run: jobs in a data directory, trained by the embedded engine. */
import { join, resolve } from "node:path";
import { MidrunError } from "../errors.ts";
import { type App, type AppOptions, createApp } from "./app.ts";
import type { AuthMode } from "./auth.ts";
import { openKeys } from "./keys.ts";
import { createEmbeddedRunner, type EmbeddedRunnerOptions } from "./runners/embedded.ts";
import type { CloseOptions } from "./scheduler.ts";
import { type Listening, type ListenOptions, listen } from "./serve.ts";
import { fileSinks } from "./sinks/file-sinks.ts";
import { reportingOf } from "./sinks/reporting.ts";
import { createSqliteStore } from "./stores/sqlite.ts";

export interface LocalServerOptions extends Omit<AppOptions, "store" | "runners"> {
  /** Made when missing: `midrun.db` and `jobs/{id}/`. One process at a time. */
  dataDir: string;
  /** See `EmbeddedRunnerOptions`. */
  generationWeights?: EmbeddedRunnerOptions["generationWeights"];
}

/**
 * The app over a data directory, in this process.
 * @throws MidrunError `io` when another process uses the directory
 */
export function createLocalServer({ dataDir, generationWeights, ...options }: LocalServerOptions): App {
  const directory = resolve(dataDir);
  const store = createSqliteStore(join(directory, "midrun.db"));
  return createApp({
    sinks: fileSinks,
    reporting: reportingOf(process.env),
    ...options,
    dataDir: directory,
    store,
    runners: { embedded: createEmbeddedRunner(generationWeights ? { generationWeights } : {}) },
  });
}

export interface RunningServer extends Omit<Listening, "close"> {
  /** Stops running jobs after their step (they go on at the next start), then ends every connection. */
  close(options?: CloseOptions): Promise<void>;
}

const loopbackHosts = ["127.0.0.1", "::1", "[::1]", "localhost"];

const noKeys = (host: string) =>
  new MidrunError("invalid_config", `The server is to listen on ${host}, where others reach it, and has no API keys.`, {
    param: "host",
    hint: "Make one first, with: midrun keys create. On 127.0.0.1 none is needed.",
  });

/** Where others can reach a server, a key is asked for, and there must be one. */
async function authFor(host: string, { auth = "auto", dataDir }: LocalServerOptions): Promise<AuthMode> {
  if (auth === "off" || loopbackHosts.includes(host)) return auth;
  const keys = openKeys(dataDir);
  try {
    if (await keys.exist()) return "required";
  } finally {
    keys.close();
  }
  throw noKeys(host);
}

/**
 * The same on a port. Beyond this machine (`host`) it answers to nobody without an API key; `auth: "off"` is for what guards it
 * otherwise.
 * @throws MidrunError `io` when the port is taken or another process uses the directory; `invalid_config` when others could reach it
 * and there are no keys
 */
export async function startServer({
  host = "127.0.0.1",
  port,
  ...options
}: LocalServerOptions & ListenOptions): Promise<RunningServer> {
  const allowedHosts = options.allowedHosts ?? (loopbackHosts.includes(host) ? [] : "any");
  const auth = await authFor(host, options);
  const app = createLocalServer({ ...options, allowedHosts, auth });
  try {
    await app.ready;
    const { url, close } = await listen(app, { host, port });
    return {
      url,
      async close(closeOptions) {
        await app.close(closeOptions);
        await close();
      },
    };
  } catch (error) {
    await app.close();
    throw error;
  }
}
