/** `midrun start`: runs a project's trainer to its end. */
import { Option } from "commander";
import { loadTrainer } from "../../trainer/run-trainer.ts";
import { defineCommand } from "../command.ts";
import { follow } from "../follow.ts";
import type { CliIo } from "../io.ts";
import { type JsonOption, jsonOption } from "../options.ts";

export interface StartOptions extends JsonOption {
  /** The trainer's name, when there are several. */
  trainer?: string;
}

export const startCommand = defineCommand<StartOptions, [entry?: string]>({
  name: "start",
  description: "run a trainer to its end; Ctrl-C pauses it",
  arguments: [
    { name: "[entry]", description: "file that exports midrun, trainer or a default (default: the setting entry)" },
  ],
  options: [
    new Option("--trainer <name>", "which trainer, when there are several"),
    jsonOption("one JSON event a line"),
  ],
  examples: ["start", "start src/midrun/index.ts --trainer support-bot"],
  run: start,
});

async function start(io: CliIo, { trainer: name, json = false }: StartOptions, entry?: string): Promise<number> {
  const trainer = await loadTrainer(entry ?? io.settings.entry, { trainer: name });
  const { jobId } = await trainer.start();
  const over = trainer.wait().then(({ job }) => job);
  return follow(io, { jobId, over, events: () => trainer.events(), pause: () => trainer.pause() }, { json });
}
