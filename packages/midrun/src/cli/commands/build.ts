/** `midrun build`: a project checked and as plain JavaScript, with a manifest of what it trains. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { Option } from "commander";
import manifest from "../../../package.json" with { type: "json" };
import type { JobSpecInput } from "../../protocol/job.ts";
import { withoutSecrets } from "../../server/hide-tokens.ts";
import { defineCommand } from "../command.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption } from "../options.ts";
import { type EmittedFile, emitModules, emittedPath } from "../project/emit-modules.ts";
import { type Project, readProject } from "../project/read-project.ts";
import { formatJson } from "../table.ts";

interface BuildOptions extends JsonOption {
  out: string;
  /** Check only, write nothing. */
  check?: boolean;
}

/** What `manifest.json` says, and `--json` prints. */
export interface BuildManifest {
  /** Version that built it. */
  midrun: string;
  /** Below the manifest's directory. */
  entry: string;
  trainers: { name: string; spec: JobSpecInput }[];
  /** Empty for a check. */
  files: EmittedFile[];
}

export const buildCommand = defineCommand<BuildOptions, [entry?: string]>({
  name: "build",
  description: "check a project and write it as plain JavaScript with a manifest, for another machine to start",
  arguments: [
    { name: "[entry]", description: "file that exports midrun, trainer or a default (default: the setting entry)" },
  ],
  options: [
    new Option("--out <directory>", "where to").default("dist/midrun"),
    new Option("--check", "check only, write nothing"),
    jsonOption("the manifest as JSON"),
  ],
  examples: ["build", "build --check --json"],
  run: build,
});

async function build(io: CliIo, { out, check, json }: BuildOptions, given?: string): Promise<number> {
  const entry = given ?? io.settings.entry;
  const project = await readProject(entry, io.cwd);
  const made = describeProject(project, emittedPath(io.cwd, resolve(io.cwd, entry)));
  const directory = resolve(io.cwd, out);
  if (!check) {
    made.files.push(...(await emitModules(io.cwd, directory, project.modules)));
    await writeAround(directory, made);
  }
  io.out(json ? formatJson(made) : tell(made, check ? null : relative(io.cwd, directory) || "."));
  return exitCodes.done;
}

function describeProject({ trainers }: Project, entry: string): BuildManifest {
  const described = trainers.map(({ name, spec }) => ({ name, spec: shareable(spec) }));
  return { midrun: manifest.version, entry, trainers: described, files: [] };
}

/** Tokens stay where they were written. */
function shareable({ dataset, evalDataset, ...rest }: JobSpecInput): JobSpecInput {
  return {
    ...rest,
    dataset: withoutSecrets(dataset),
    ...(evalDataset ? { evalDataset: withoutSecrets(evalDataset) } : {}),
  };
}

async function writeAround(directory: string, made: BuildManifest): Promise<void> {
  const around = { name: "midrun-build", private: true, type: "module", dependencies: { midrun: made.midrun } };
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "package.json"), formatJson(around));
  await writeFile(join(directory, "manifest.json"), formatJson(made));
}

function tell({ trainers, files }: BuildManifest, directory: string | null): string {
  const names = trainers.map(({ name }) => name).join(", ");
  if (directory === null) return `Fine: ${names}\n`;
  return `Built ${names} in ${directory} (${files.length} modules)\nRun it there or elsewhere: midrun start ${directory}\n`;
}
