/** The process: runs the command line, tells the exit code. Only here are `process.exit` and the real streams. */
import { createProcessIo } from "./process-io.ts";
import { runCli } from "./program.ts";

// `midrun jobs list | head`: nobody reads on, so there is nothing left to do.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

// SQLite and the taking away of types are stable enough for us, whatever this Node calls them; other warnings are shown.
const printers = process.listeners("warning");
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name !== "ExperimentalWarning") for (const print of printers) print(warning);
});

const code = await runCli(process.argv.slice(2), createProcessIo());
// A trainer that was left in the middle may still hold streams and timers open.
process.exit(code);
