/** `midrun serve`: the server on a port, until Ctrl-C. */
import { announceServer } from "../../client/running-server.ts";
import { defineCommand } from "../command.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { serverOptions } from "../server-options.ts";

export const serveCommand = defineCommand({
  name: "serve",
  description: "the server on a port, until Ctrl-C",
  settings: ["host", "port", "slots", "generationWeights", "onRestart", "logLevel"],
  examples: ["serve", "serve --port 0 --data-dir /var/lib/midrun"],
  run: serve,
});

async function serve(io: CliIo): Promise<number> {
  const { startServer } = await import("../../server/index.ts");
  const { dataDir } = io.settings;
  const server = await startServer(await serverOptions(io.settings, { logLevel: "info" }));
  const withdraw = await announceServer(dataDir, { url: server.url, pid: process.pid });
  io.out(`midrun serves ${server.url} (jobs and checkpoints in ${dataDir})\n`);
  io.out(`Programs find it with MIDRUN_BASE_URL=${server.url}; OpenAI's clients with the base URL ${server.url}/v1\n`);
  const stopped = Promise.withResolvers<void>();
  let asked = false;
  const release = io.onInterrupt(() => {
    if (asked) return io.leave(exitCodes.interrupted);
    asked = true;
    stopped.resolve();
  });
  await stopped.promise;
  io.err("Stopping. Running jobs continue from their newest checkpoint at the next start.\n");
  await withdraw();
  await server.close();
  release();
  return exitCodes.done;
}
