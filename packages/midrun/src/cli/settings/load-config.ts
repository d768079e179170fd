/** Finds and checks a project's `midrun.config.ts`. */
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isMidrunError, MidrunError } from "../../errors.ts";
import { parseWith } from "../../protocol/parse.ts";
import { configSchema, type MidrunConfig } from "../../protocol/settings.ts";

/** Looked for in the working directory, in this order. */
const configFiles = ["midrun.config.ts", "midrun.config.mts", "midrun.config.js", "midrun.config.mjs"];

/**
 * The configuration in `given`, else in the first of `configFiles` that `directory` has, else nothing.
 * @throws MidrunError `invalid_config` for a file that is missing, cannot be imported or says what there is not
 */
export async function loadConfig(directory: string, given?: string): Promise<MidrunConfig> {
  const path = given === undefined ? findConfig(directory) : resolve(directory, given);
  if (path === null) return {};
  if (!existsSync(path)) throw invalid(`There is no ${path}.`, "Pass the path of your configuration with --config.");
  return parseConfig(await importDefault(path), basename(path));
}

function findConfig(directory: string): string | null {
  return configFiles.map((name) => resolve(directory, name)).find((path) => existsSync(path)) ?? null;
}

async function importDefault(path: string): Promise<unknown> {
  const name = basename(path);
  const exported = await import(pathToFileURL(path).href).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(`${name} cannot be imported: ${reason}`, null, cause);
  });
  if ("default" in exported) return exported.default;
  throw invalid(`${name} has no default export.`, 'Write: export default defineConfig({ … }), from "midrun".');
}

function parseConfig(value: unknown, name: string): MidrunConfig {
  try {
    return parseWith(configSchema, value, "invalid_config") as MidrunConfig;
  } catch (error) {
    if (!isMidrunError(error)) throw error;
    throw new MidrunError("invalid_config", `${name}: ${error.message}`, { param: error.param, hint: error.hint });
  }
}

function invalid(message: string, hint: string | null, cause?: unknown): MidrunError {
  return new MidrunError("invalid_config", message, { param: "config", hint, cause });
}
