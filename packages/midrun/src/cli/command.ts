/** A command as data: what it is called, takes and does. `program.ts` lists them; help and documentation come from here. */
import type { Option } from "commander";
import type { SettingName } from "../protocol/settings.ts";
import type { CliIo } from "./io.ts";

export interface CommandArgument {
  /** `<job>` must be given, `[file]` may be. */
  name: string;
  description: string;
}

export interface CommandSpec<Options extends object, Args extends (string | undefined)[]> {
  /** As it is typed: `jobs list`. */
  name: string;
  description: string;
  arguments?: readonly CommandArgument[];
  options?: readonly Option[];
  /** Settings that have a flag here, besides those of every command. */
  settings?: readonly SettingName[];
  /** Whole command lines, without `midrun`. */
  examples: readonly [string, ...string[]];
  /** Gives the exit code. */
  run(io: CliIo, options: Options, ...args: Args): Promise<number>;
}

/** Any command: its own options and arguments say what it is run with. */
export type AnyCommand = CommandSpec<object, (string | undefined)[]>;

export function defineCommand<Options extends object, Args extends (string | undefined)[] = []>(
  spec: CommandSpec<Options, Args>,
): AnyCommand {
  return spec;
}
