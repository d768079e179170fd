/** The command line: its commands, put together for commander. */
import { Command, CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import type { MidrunClient } from "../client/client.ts";
import type { SettingName } from "../protocol/settings.ts";
import type { AnyCommand } from "./command.ts";
import { benchCommand } from "./commands/bench.ts";
import { buildCommand } from "./commands/build.ts";
import { chatCommand } from "./commands/chat.ts";
import { dataCheckCommand } from "./commands/data.ts";
import { devCommand } from "./commands/dev.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { exportCommand } from "./commands/export.ts";
import { initCommand } from "./commands/init.ts";
import { jobCommands } from "./commands/jobs.ts";
import { keyCommands } from "./commands/keys.ts";
import { modelCommands } from "./commands/models.ts";
import { serveCommand } from "./commands/serve.ts";
import { startCommand } from "./commands/start.ts";
import { type CliIo, exitCodes, type Host } from "./io.ts";
import { formatError } from "./report-error.ts";
import { loadConfig } from "./settings/load-config.ts";
import { resolveSettings } from "./settings/resolve-settings.ts";
import { settingFlags, settingOption } from "./settings/setting-option.ts";

/** In the order of the help. */
export const commands: readonly AnyCommand[] = [
  initCommand,
  devCommand,
  startCommand,
  buildCommand,
  dataCheckCommand,
  serveCommand,
  chatCommand,
  ...jobCommands,
  ...modelCommands,
  ...keyCommands,
  doctorCommand,
  benchCommand,
  exportCommand,
];

/** Commands of two words, by their first. */
export const groups: Readonly<Record<string, string>> = {
  data: "what a model is trained on",
  jobs: "the server's jobs",
  keys: "who may use a server",
  models: "what can be trained and asked by name",
};

/** Settings that every command has a flag for. */
const commonSettings: readonly SettingName[] = ["baseURL", "dataDir"];

/** Runs one command line (without node and script) and gives the exit code. Never throws. */
export async function runCli(argv: readonly string[], host: Host): Promise<number> {
  let code: number = exitCodes.done;
  let client: MidrunClient | undefined;
  const program = createProgram(host, async (spec, command) => {
    const io = await openIo(host, command);
    client = io.client;
    code = await spec.run(io, command.opts(), ...command.processedArgs);
  });
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    host.err(formatError(error, program.opts().debug === true));
    code = exitCodes.failed;
  }
  await client?.close();
  return code;
}

async function openIo(host: Host, command: Command): Promise<CliIo> {
  const options = command.optsWithGlobals();
  const file = await loadConfig(host.cwd, options.config);
  const settings = resolveSettings({ flags: settingFlags(options), env: host.env, file });
  return { ...host, settings, client: await host.connect(settings) };
}

type Perform = (spec: AnyCommand, command: Command) => Promise<void>;

/** All of the command line; `perform` is called with the command that was typed. */
export function createProgram(host: Pick<Host, "out" | "err">, perform: Perform): Command {
  const program = new Command("midrun")
    .description(manifest.description)
    .version(manifest.version)
    .option("--debug", "show the stack of an error")
    .option("--config <file>", "configuration of the project (default: midrun.config.ts)")
    .exitOverride()
    .configureOutput({ writeOut: (text) => host.out(text), writeErr: (text) => host.err(text) })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("Run with --help to see what there is.");
  for (const name of commonSettings) program.addOption(settingOption(name));
  for (const spec of commands) addCommand(program, spec, perform);
  return program;
}

function addCommand(program: Command, spec: AnyCommand, perform: Perform): void {
  const words = spec.name.split(" ");
  const parent = words.length === 1 ? program : groupOf(program, words[0]!);
  const command = parent.command(words.at(-1)!).description(spec.description);
  for (const { name, description } of spec.arguments ?? []) command.argument(name, description);
  for (const option of spec.options ?? []) command.addOption(option);
  for (const name of spec.settings ?? []) command.addOption(settingOption(name));
  command.addHelpText("after", `\nExamples:\n${spec.examples.map((line) => `  $ midrun ${line}\n`).join("")}`);
  command.action(() => perform(spec, command));
}

function groupOf(program: Command, name: string): Command {
  const known = program.commands.find((each) => each.name() === name);
  return known ?? program.command(name).description(groups[name]!);
}
