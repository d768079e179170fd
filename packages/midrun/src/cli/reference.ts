/** The command line's own documentation, from the same data as its help. */

import { describeSchema } from "../protocol/describe-schema.ts";
import { type SettingName, settings } from "../protocol/settings.ts";
import { settingNames } from "./settings/resolve-settings.ts";

const code = (text: string) => `\`${text.replaceAll("|", "\\|")}\``;

function settingRow(name: SettingName): string[] {
  const { schema, env, flag, inFile, default: fallback, description } = settings[name];
  return [
    inFile ? code(name) : "",
    env === null ? "" : code(env),
    flag === null ? "" : code(flag),
    code(describeSchema(schema)),
    fallback === null ? "" : code(typeof fallback === "string" ? fallback : JSON.stringify(fallback)),
    description,
  ];
}

/** Every setting as a Markdown table. */
export function settingsTable(): string {
  const head = ["in the file", "environment", "flag", "value", "default", "what it is"];
  return [head, head.map(() => "---"), ...settingNames.map(settingRow)]
    .map((cells) => `| ${cells.join(" | ")} |\n`)
    .join("");
}
