/** `midrun init`: a project that runs, in an empty folder or beside what is there. */
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import { MidrunError } from "../../errors.ts";
import { defineCommand } from "../command.ts";
import { projectFiles } from "../init/project-files.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption } from "../options.ts";
import { formatJson } from "../table.ts";

export const initCommand = defineCommand<JsonOption, [directory?: string]>({
  name: "init",
  description: "write a project that runs; files that are there stay as they are",
  arguments: [{ name: "[directory]", description: "where (default: here)" }],
  options: [jsonOption("what was written, as JSON")],
  examples: ["init", "init support-bot"],
  run: init,
});

async function init(io: CliIo, { json }: JsonOption, where = "."): Promise<number> {
  const directory = resolve(io.cwd, where);
  const files = Object.entries(projectFiles({ name: packageName(directory), version: manifest.version }));
  const created: string[] = [];
  const kept: string[] = [];
  for (const [path, content] of files) ((await writeNew(join(directory, path), content)) ? created : kept).push(path);
  const next = nextSteps(relative(io.cwd, directory), kept);
  if (json) io.out(formatJson({ directory, created, kept, next }));
  else io.out(describe(created, kept, next));
  return exitCodes.done;
}

/** Names of packages are lower case and without spaces. */
function packageName(directory: string): string {
  const name = basename(directory)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name || "midrun-project";
}

/** False when there is a file already. */
async function writeNew(path: string, content: string): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { flag: "wx" });
    return true;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST" && !message.startsWith("EEXIST: file already exists, mkdir")) return false;
    throw new MidrunError("io", `Cannot write ${path}: ${message}.`, { param: path, cause });
  }
}

function nextSteps(directory: string, kept: readonly string[]): string[] {
  const install = kept.includes("package.json") ? ["npm install midrun", ...forEditors(kept)] : ["npm install"];
  return [...(directory === "" ? [] : [`cd ${directory}`]), ...install, "npx midrun start"];
}

/** What the `tsconfig.json` that was written names, and a project with a `package.json` of its own may lack. */
const forEditors = (kept: readonly string[]) =>
  kept.includes("tsconfig.json") ? [] : ["npm install --save-dev typescript @types/node"];

function describe(created: readonly string[], kept: readonly string[], next: readonly string[]): string {
  return [
    ...created.map((path) => `wrote ${path}`),
    ...kept.map((path) => `kept  ${path} (it was there)`),
    "",
    "Next:",
    ...next.map((line) => `  ${line}`),
    "",
  ].join("\n");
}
