/** Everything a command touches outside itself: handed in by `main.ts`, and by tests. */
import type { MidrunClient } from "../client/client.ts";
import type { Settings } from "../protocol/settings.ts";
import type { Env } from "./settings/resolve-settings.ts";

/** The process that the command line runs in. */
export interface Host {
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Hands over what others in this process (a trainer's callbacks) write to either stream. Gives the function that stops that. */
  divert(take: (text: string) => void): () => void;
  /** Width of the terminal that `out` writes to; null when it is a file or a pipe. */
  columns(): number | null;
  /** True when somebody types. */
  readonly inputIsTerminal: boolean;
  /** All of standard input, to its end. */
  readInput(): Promise<string>;
  /** One typed line; null at the end of the input, or when it was interrupted. */
  ask(prompt: string): Promise<string | null>;
  /** Calls back at each Ctrl-C, instead of ending the process. Gives the function that stops that. */
  onInterrupt(callback: () => void): () => void;
  /** Ends the process at once. */
  leave(code: number): void;
  /** Runs a command line of midrun in a process of its own. */
  runSelf(argv: readonly string[]): Promise<{ code: number; out: string; err: string }>;
  readonly env: Env;
  readonly cwd: string;
  /** The server that the settings name, one that runs over their data directory, or one in this process; for the project's trainers too. */
  connect(settings: Settings): Promise<MidrunClient>;
}

/** What a command is given. */
export interface CliIo extends Host {
  readonly settings: Settings;
  readonly client: MidrunClient;
}

/** Exit codes. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;
