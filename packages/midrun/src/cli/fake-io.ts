/** For tests of the commands: a terminal that is written down. */
import type { MidrunClient } from "../client/client.ts";
import type { Settings } from "../protocol/settings.ts";
import type { Host } from "./io.ts";
import { runCli } from "./program.ts";

export interface FakeIo extends Host {
  written: { out: string; err: string };
  /** Presses Ctrl-C. */
  interrupt(): void;
  /** Writes as a trainer's callback would. */
  say(text: string): void;
  /** Exit codes of `leave`. */
  left: number[];
  /** Settings of each `connect`. */
  connected: Settings[];
}

export interface FakeIoOptions {
  columns?: number | null;
  /** Lines, when somebody types. */
  typed?: string[];
  piped?: string;
  env?: Record<string, string>;
  cwd?: string;
}

export function fakeIo(
  client: MidrunClient,
  { columns = null, typed, piped = "", env = {}, cwd = process.cwd() }: FakeIoOptions = {},
): FakeIo {
  const written = { out: "", err: "" };
  const left: number[] = [];
  const connected: Settings[] = [];
  const callbacks: (() => void)[] = [];
  let diverted: ((text: string) => void) | undefined;
  const lines = [...(typed ?? [])];
  return {
    written,
    left,
    connected,
    env,
    cwd,
    connect: async (settings) => {
      connected.push(settings);
      return client;
    },
    say: (text) => {
      if (diverted) diverted(text);
      else written.out += text;
    },
    divert: (take) => {
      diverted = take;
      return () => {
        diverted = undefined;
      };
    },
    interrupt: () => callbacks.at(-1)?.(),
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    columns: () => columns,
    inputIsTerminal: typed !== undefined,
    readInput: async () => piped,
    ask: async () => lines.shift() ?? null,
    onInterrupt: (callback) => {
      callbacks.push(callback);
      return () => callbacks.splice(callbacks.indexOf(callback), 1);
    },
    leave: (code) => void left.push(code),
    runSelf: async (argv) => {
      const self = fakeIo(client, { env, cwd });
      const code = await runCli(argv, self);
      return { code, ...self.written };
    },
  };
}
