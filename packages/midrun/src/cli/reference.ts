/** The command line's own documentation, from the same data as its help. */
import type { Option } from "commander";
import { describeSchema } from "../protocol/describe-schema.ts";
import { type SettingName, settings } from "../protocol/settings.ts";
import type { AnyCommand, CommandArgument } from "./command.ts";
import { settingNames } from "./settings/resolve-settings.ts";
import { settingOption } from "./settings/setting-option.ts";

const code = (text: string) => `\`${text.replaceAll("|", "\\|")}\``;
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "\\<");

function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

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
  return table([
    ["in the file", "environment", "flag", "value", "default", "what it is"],
    ...settingNames.map(settingRow),
  ]);
}

const argumentRow = ({ name, description }: CommandArgument) => [code(name), cell(description)];

function optionRow({ flags, description, defaultValue, argChoices }: Option): string[] {
  const notes = [
    ...(argChoices ? [argChoices.join(", ")] : []),
    ...(defaultValue === undefined ? [] : [`default: ${defaultValue}`]),
  ];
  return [code(flags), cell(description + (notes.length > 0 ? ` (${notes.join("; ")})` : ""))];
}

function commandSection({
  name,
  description,
  arguments: args = [],
  options = [],
  settings: own = [],
  examples,
}: AnyCommand): string {
  const rows = [
    ...args.map(argumentRow),
    ...options.map(optionRow),
    ...own.map((each) => optionRow(settingOption(each))),
  ];
  const usage = ["midrun", name, ...args.map((argument) => argument.name)].join(" ");
  return [
    `## ${code(usage)}\n`,
    `${cell(description[0]!.toUpperCase() + description.slice(1))}.\n`,
    ...(rows.length > 0 ? [table([["", ""], ...rows])] : []),
    `\`\`\`sh\n${examples.map((line) => `midrun ${line}\n`).join("")}\`\`\`\n`,
  ].join("\n");
}

/** Every command as a Markdown section. */
export function commandSections(commands: readonly AnyCommand[]): string {
  return commands.map(commandSection).join("\n");
}
