/** `midrun models`: what can be asked by name, and the models of the hub that this machine keeps. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Option } from "commander";
import { MidrunError } from "../../errors.ts";
import { type AnyCommand, defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { findModel } from "../download.ts";
import { withHost } from "../engine.ts";
import { formatBytes } from "../format-bytes.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption } from "../options.ts";
import { formatJson, formatTable } from "../table.ts";

interface ListOptions extends JsonOption {
  cached?: boolean;
}

interface RemoveOptions extends JsonOption {
  yes?: boolean;
}

const modelArgument = {
  name: "<model>",
  description: "a hub id such as Qwen/Qwen3-0.6B, with @revision when it matters",
};

export const modelCommands: readonly AnyCommand[] = [
  defineCommand<ListOptions>({
    name: "models list",
    description: "what can be asked by name",
    options: [
      new Option("--cached", "instead: models of the hub that this machine keeps, with their sizes"),
      jsonOption(),
    ],
    examples: ["models list", "models list --cached"],
    run: (io, options) => (options.cached ? listCached(io, options) : listModels(io, options)),
  }),
  defineCommand<JsonOption, [model: string]>({
    name: "models pull",
    description: "download a model of the hub before it is needed",
    arguments: [modelArgument],
    options: [jsonOption()],
    examples: ["models pull Qwen/Qwen3-0.6B"],
    run: pullModel,
  }),
  defineCommand<RemoveOptions, [model: string]>({
    name: "models rm",
    description: "delete a downloaded model, or a fine-tuned one by its name",
    arguments: [{ name: "<model>", description: "a hub id, or a name that begins with ft:" }],
    options: [new Option("-y, --yes", "do not ask"), jsonOption()],
    examples: ["models rm Qwen/Qwen3-0.6B", "models rm ft:midrun/nano:midrun:support-bot:Ab3dE6gH --yes"],
    run: (io, options, model) =>
      model.startsWith("ft:") ? removeTrained(io, options, model) : removeCached(io, options, model),
  }),
];

async function listModels(io: CliIo, { json }: JsonOption): Promise<number> {
  const models = await io.client.models.list();
  if (json) io.out(formatJson(models));
  else if (models.length === 0) io.out("No models yet: they appear with the first job.\n");
  else io.out(formatTable([["ID", "OWNED BY", "CREATED"], ...models.map((m) => [m.id, m.ownedBy, m.createdAt])]));
  return exitCodes.done;
}

async function listCached(io: CliIo, { json }: JsonOption): Promise<number> {
  const models = await withHost((host) => host.listCachedModels(io.env));
  if (json) io.out(formatJson(models));
  else if (models.length === 0) io.out("No models of the hub here. midrun models pull <owner/name> downloads one.\n");
  else io.out(formatTable([["ID", "SIZE", "WHERE"], ...models.map((m) => [m.name, formatBytes(m.sizeBytes), m.dir])]));
  return exitCodes.done;
}

async function pullModel(io: CliIo, { json }: JsonOption, name: string): Promise<number> {
  if (!io.client.local) {
    throw new MidrunError(
      "not_supported",
      `This would download ${name} to this machine, and not to ${io.settings.baseURL}.`,
      {
        hint: "Run midrun models pull on the server's machine.",
      },
    );
  }
  const dir = await findModel(io, name);
  const sizeBytes = await sizeOf(dir);
  io.out(json ? formatJson({ name, dir, sizeBytes }) : `${name}: ${formatBytes(sizeBytes)} in ${dir}\n`);
  return exitCodes.done;
}

async function sizeOf(dir: string): Promise<number> {
  const found = await Promise.all((await readdir(dir, { recursive: true })).map((name) => stat(join(dir, name))));
  return found.reduce((sum, each) => sum + (each.isFile() ? each.size : 0), 0);
}

async function removeCached(io: CliIo, { json, yes = false }: RemoveOptions, name: string): Promise<number> {
  const [found] = await withHost(async (host) => {
    const models = await host.listCachedModels(io.env);
    return models.filter((model) => model.name === name.split("@")[0]);
  });
  const size = found ? ` (${formatBytes(found.sizeBytes)}, shared with Python's libraries)` : "";
  if (found && !(await confirm(io, `Delete every revision of ${name}${size}?`, yes))) return exitCodes.failed;
  const freedBytes = await withHost((host) => host.removeCachedModel(name, io.env));
  io.out(
    json
      ? formatJson({ name, deleted: true, freedBytes })
      : `Deleted ${name}: ${formatBytes(freedBytes)} are free again.\n`,
  );
  return exitCodes.done;
}

async function removeTrained(io: CliIo, { json, yes = false }: RemoveOptions, name: string): Promise<number> {
  if (!(await confirm(io, `Delete the weights of ${name}?`, yes))) return exitCodes.failed;
  await io.client.models.delete(name);
  io.out(json ? formatJson({ name, deleted: true }) : `Deleted ${name}.\n`);
  return exitCodes.done;
}
