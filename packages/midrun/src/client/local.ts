/** The server of a data directory: one that runs already, else one in this process, started by the first request and shared by every client. */
import type { Fetch } from "./http.ts";
import { findServer } from "./running-server.ts";

interface LocalServer {
  fetch: Fetch;
  /** Pauses what is in training; a server of another process goes on. */
  close(): Promise<void>;
}

const open = new Map<string, Promise<LocalServer>>();
const closing = new Map<string, Promise<void>>();

/** The running server of this directory, or a new one. A start that failed is tried again by the next caller. */
export async function openLocal(dataDir: string): Promise<LocalServer> {
  const key = await absolute(dataDir);
  const running = open.get(key);
  if (running) return running;
  const starting = startServer(key, closing.get(key));
  open.set(key, starting);
  starting.catch(() => open.delete(key));
  return starting;
}

/** Ends the server of this directory, when there is one: a running job is paused. The next request starts it again. */
export async function closeLocal(dataDir: string): Promise<void> {
  const key = await absolute(dataDir);
  const running = open.get(key);
  if (!running) return closing.get(key);
  open.delete(key);
  const ended = running.then((server) => server.close()).finally(() => closing.delete(key));
  closing.set(key, ended);
  return ended;
}

async function startServer(dataDir: string, previous: Promise<void> | undefined): Promise<LocalServer> {
  // Whoever closed the one before was told how that went.
  await previous?.catch(() => undefined);
  const running = await findServer(dataDir);
  if (running)
    return { fetch: (request) => globalThis.fetch(readdressed(request, running.url)), close: async () => {} };
  const { createLocalServer } = await import("../server/index.ts");
  const server = createLocalServer({ dataDir, adopt: false, auth: "off" });
  try {
    await server.ready;
    return { fetch: server.fetch, close: () => server.close({ jobs: "pause" }) };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Requests are written for a server in this process. */
function readdressed(request: Request, url: string): Request {
  const { pathname, search } = new URL(request.url);
  return new Request(url + pathname + search, request);
}

async function absolute(dataDir: string): Promise<string> {
  const { resolve } = await import("node:path");
  return resolve(dataDir);
}
