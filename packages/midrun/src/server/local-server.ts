/** The server that people run: jobs in a data directory, trained by the embedded engine. */
import { join, resolve } from "node:path";
import { type App, type AppOptions, createApp } from "./app.ts";
import { createEmbeddedRunner } from "./runners/embedded.ts";
import type { CloseOptions } from "./scheduler.ts";
import { type Listening, type ListenOptions, listen } from "./serve.ts";
import { fileSinks } from "./sinks/file-sinks.ts";
import { createSqliteStore } from "./stores/sqlite.ts";

export interface LocalServerOptions extends Omit<AppOptions, "store" | "runners"> {
  /** Made when missing: `midrun.db` and `jobs/{id}/`. One process at a time. */
  dataDir: string;
}

/**
 * The app over a data directory, in this process.
 * @throws MidrunError `io` when another process uses the directory
 */
export function createLocalServer({ dataDir, ...options }: LocalServerOptions): App {
  const directory = resolve(dataDir);
  const store = createSqliteStore(join(directory, "midrun.db"));
  return createApp({
    sinks: fileSinks,
    ...options,
    dataDir: directory,
    store,
    runners: { embedded: createEmbeddedRunner() },
  });
}

export interface RunningServer extends Omit<Listening, "close"> {
  /** Stops running jobs after their step (they go on at the next start), then ends every connection. */
  close(options?: CloseOptions): Promise<void>;
}

const loopbackHosts = ["127.0.0.1", "::1", "[::1]", "localhost"];

/**
 * The same on a port. A host that others can reach means that others may use the server.
 * @throws MidrunError `io` when the port is taken or another process uses the directory
 */
export async function startServer({
  host = "127.0.0.1",
  port,
  ...options
}: LocalServerOptions & ListenOptions): Promise<RunningServer> {
  const allowedHosts = options.allowedHosts ?? (loopbackHosts.includes(host) ? [] : "any");
  const app = createLocalServer({ ...options, allowedHosts });
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
