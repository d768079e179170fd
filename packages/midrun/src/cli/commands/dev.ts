/** `midrun dev`: a server for this machine that shows its jobs, and checks the project whenever it changes. */
import { watch } from "node:fs";
import { access } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ApiError } from "../../client/api-error.ts";
import { createClient } from "../../client/client.ts";
import { announceServer } from "../../client/running-server.ts";
import { defineCommand } from "../command.ts";
import { freePort } from "../free-port.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { createJobsDisplay, type JobsDisplay } from "../jobs-display.ts";
import { serverOptions } from "../server-options.ts";
import { watchJobs } from "../watch-jobs.ts";
import type { BuildManifest } from "./build.ts";

/** Editors write a file in several steps. */
const settleMs = 100;
const lookMs = 500;

export const devCommand = defineCommand<object, [entry?: string]>({
  name: "dev",
  description: "a server for this machine: shows jobs as they run, checks the project when it changes",
  arguments: [
    { name: "[entry]", description: "file that exports midrun, trainer or a default (default: the setting entry)" },
  ],
  settings: ["host", "port", "slots", "generationWeights", "onRestart", "logLevel"],
  examples: ["dev", "dev --port 4100"],
  run: dev,
});

async function dev(io: CliIo, _: object, entry = io.settings.entry): Promise<number> {
  const { startServer } = await import("../../server/index.ts");
  const { host, port: wanted, dataDir } = io.settings;
  const port = await freePort(host, wanted);
  if (port !== wanted) io.out(`Port ${wanted} is taken; taking ${port}.\n`);
  const server = await startServer(await serverOptions({ ...io.settings, port }, { logLevel: "error" }));
  const withdraw = await announceServer(dataDir, { url: server.url, pid: process.pid });
  const display = createJobsDisplay(io);
  const stop = new AbortController();
  const release = io.onInterrupt(() => (stop.signal.aborted ? io.leave(exitCodes.interrupted) : stop.abort()));
  display.note(`midrun dev: ${server.url} (jobs and checkpoints in ${dataDir})`);
  try {
    const client = createClient({ baseURL: server.url, apiKey: io.settings.apiKey });
    const pause = (signal: AbortSignal) => delay(lookMs, undefined, { signal });
    const jobs = watchJobs({ client, display, signal: stop.signal, pause }).catch((error: unknown) =>
      tellBlind(display, error),
    );
    await Promise.all([jobs, watchProject(io, entry, display, stop.signal)]);
  } finally {
    display.note("Stopping. Running jobs continue from their newest checkpoint at the next start.");
    await withdraw();
    await server.close();
    release();
  }
  return exitCodes.done;
}

/** A server with keys tells of its jobs only to those who have one. */
function tellBlind(display: JobsDisplay, error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
  display.note(`Jobs are not shown: ${error.message} Set MIDRUN_API_KEY to see them.`);
}

/** Checks the project now and after each change, in a process of its own: an imported module cannot be imported anew. */
async function watchProject(io: CliIo, entry: string, display: JobsDisplay, signal: AbortSignal): Promise<void> {
  const directory = dirname(resolve(io.cwd, entry));
  const isThere = await access(directory).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    display.note(`There is no ${entry}. midrun init writes one; start midrun dev again after that.`);
    return untilAborted(signal);
  }
  let checking = checkProject(io, entry, display, "Trainers");
  let due: NodeJS.Timeout | undefined;
  const watcher = watch(directory, { recursive: true, signal }, () => {
    clearTimeout(due);
    due = setTimeout(() => {
      checking = checking.then(() => checkProject(io, entry, display, "Reloaded"));
    }, settleMs);
  });
  watcher.on("error", (error) => display.note(`Changes are not seen: ${error.message}`));
  await untilAborted(signal);
  clearTimeout(due);
  await checking;
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

async function checkProject(io: CliIo, entry: string, display: JobsDisplay, word: string): Promise<void> {
  const { code, out, err } = await io.runSelf(["build", entry, "--check", "--json"]);
  if (code !== exitCodes.done) return display.note(`${entry} cannot be used:\n${err.trimEnd()}`);
  // What the project itself prints comes first.
  const { trainers } = JSON.parse(out.slice(out.lastIndexOf("\n{\n") + 1)) as BuildManifest;
  display.note(
    `${word}: ${trainers.map(({ name }) => name).join(", ")}. Start one with: midrun start${trainers.length > 1 ? " --trainer <name>" : ""}`,
  );
}
