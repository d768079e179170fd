/** `midrun start`: runs a project's trainer to its end. */

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Option } from "commander";
import { loadTrainer } from "../../trainer/run-trainer.ts";
import { defineCommand } from "../command.ts";
import { follow } from "../follow.ts";
import type { CliIo } from "../io.ts";
import { type JsonOption, jsonOption } from "../options.ts";
import type { BuildManifest } from "./build.ts";

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
  examples: ["start", "start src/midrun/index.ts --trainer support-bot", "start dist/midrun"],
  run: start,
});

async function start(io: CliIo, { trainer: name, json = false }: StartOptions, entry?: string): Promise<number> {
  const trainer = await loadTrainer(await entryOf(io, entry), { trainer: name });
  const { jobId } = await trainer.start();
  const over = trainer.wait().then(({ job }) => job);
  return follow(io, { jobId, over, events: () => trainer.events(), pause: () => trainer.pause() }, { json });
}

/** A directory that `midrun build` wrote says itself where its entry is. */
async function entryOf({ cwd, settings }: CliIo, given = settings.entry): Promise<string> {
  const path = resolve(cwd, given);
  const text = await readFile(join(path, "manifest.json"), "utf8").catch(() => null);
  return text === null ? path : join(path, (JSON.parse(text) as BuildManifest).entry);
}
