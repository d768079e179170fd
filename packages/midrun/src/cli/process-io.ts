/** The real process behind `CliIo`. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline/promises";
import { text } from "node:stream/consumers";
import { createClient, type MidrunClient } from "../client/client.ts";
import { findServer } from "../client/running-server.ts";
import { type SettingName, type Settings, settings as table } from "../protocol/settings.ts";
import { exitCodes, type Host } from "./io.ts";

type Write = NodeJS.WriteStream["write"];

export function createProcessIo(): Host {
  const interrupts = createInterrupts();
  const streams = [process.stdout, process.stderr] as const;
  const [out, err] = streams.map((stream) => stream.write.bind(stream)) as [Write, Write];
  return {
    out: (output) => void out(output),
    err: (output) => void err(output),
    divert(take) {
      const diverted: Write = (chunk) => {
        take(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
        return true;
      };
      for (const stream of streams) stream.write = diverted;
      return () => {
        process.stdout.write = out;
        process.stderr.write = err;
      };
    },
    columns: () => (process.stdout.isTTY ? process.stdout.columns || 80 : null),
    inputIsTerminal: process.stdin.isTTY === true,
    readInput: () => text(process.stdin),
    ask,
    onInterrupt: interrupts.listen,
    leave: (code) => process.exit(code),
    runSelf,
    env: process.env,
    cwd: process.cwd(),
    connect,
  };
}

/** Ctrl-C, and what ends a service. */
const signals = ["SIGINT", "SIGTERM"] as const;

/** A signal goes to the callback that was registered last; with none it ends the process, as it always does. */
function createInterrupts() {
  const callbacks: (() => void)[] = [];
  const onSignal = () => callbacks.at(-1)?.();
  return {
    listen(callback: () => void) {
      callbacks.push(callback);
      if (callbacks.length === 1) for (const signal of signals) process.on(signal, onSignal);
      return () => {
        callbacks.splice(callbacks.indexOf(callback), 1);
        if (callbacks.length === 0) for (const signal of signals) process.off(signal, onSignal);
      };
    },
  };
}

/** An interface of its own for each line: between two lines, Ctrl-C belongs to the answer. */
async function ask(prompt: string): Promise<string | null> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new Promise<null>((resolve) => {
    terminal.once("close", () => resolve(null));
    terminal.once("SIGINT", () => terminal.close());
  });
  try {
    return await Promise.race([terminal.question(prompt), ended]);
  } finally {
    terminal.close();
  }
}

/** What a client is made from: a project's trainers make their own, from the environment. */
const clientSettings: readonly SettingName[] = ["baseURL", "apiKey", "dataDir"];

async function connect(given: Settings): Promise<MidrunClient> {
  const running = given.baseURL === undefined ? await findServer(given.dataDir) : null;
  const settings = running ? { ...given, baseURL: running.url } : given;
  for (const name of clientSettings) {
    const [variable, value] = [table[name].env, settings[name]];
    if (variable !== null && value !== undefined) process.env[variable] = String(value);
  }
  return createClient();
}

async function runSelf(argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const self = [...process.execArgv, process.argv[1]!, ...argv];
  const child = spawn(process.execPath, self, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? exitCodes.failed));
  });
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}
