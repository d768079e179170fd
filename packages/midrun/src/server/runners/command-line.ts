/** The way of a command to a training that may not have begun. */
import type { RequestedCommand } from "../store.ts";

const ranks: { [C in RequestedCommand]: number } = { pause: 0, stop: 1, cancel: 2 };

/** True when `given`, which is not obeyed yet, ends more than `next`, and so stands. */
export function outranks(given: RequestedCommand | null, next: RequestedCommand): boolean {
  return given !== null && ranks[given] > ranks[next];
}

/** Keeps the command that comes before there is a worker to obey it. */
export function createCommandLine() {
  let last: RequestedCommand | null = null;
  let pass: ((command: RequestedCommand) => void) | null = null;
  return {
    /** The command that stands. */
    get last() {
      return last;
    },
    give(command: RequestedCommand) {
      if (outranks(last, command)) return;
      last = command;
      pass?.(command);
    },
    connect(to: (command: RequestedCommand) => void) {
      pass = to;
      if (last) to(last);
    },
    disconnect() {
      pass = null;
    },
  };
}
export type CommandLine = ReturnType<typeof createCommandLine>;
