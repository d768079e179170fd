/** A setting as an option of a command. */
import { InvalidArgumentError, Option } from "commander";
import { isMidrunError } from "../../errors.ts";
import { type SettingName, settings } from "../../protocol/settings.ts";
import { parseSetting } from "./parse-setting.ts";
import { settingNames } from "./resolve-settings.ts";

/** Without a default of its own: the environment and the file come before that. */
export function settingOption(name: SettingName): Option {
  const { flag, description } = settings[name];
  if (flag === null) throw new Error(`The setting ${name} has no flag.`);
  const label = flag.split(" ")[0]!;
  return new Option(flag, `${description} (${originsOf(name)})`).argParser((text) => {
    try {
      return parseSetting(name, label, text);
    } catch (error) {
      // Commander names the flag itself.
      throw isMidrunError(error) ? new InvalidArgumentError(error.message.replace(`${label}: `, "It ")) : error;
    }
  });
}

function originsOf(name: SettingName): string {
  const { env, default: fallback } = settings[name];
  return [...(fallback === null ? [] : [`default: ${fallback}`]), ...(env === null ? [] : [env])].join(", ");
}

/** The settings among the parsed options of a command. */
export function settingFlags(options: Readonly<Record<string, unknown>>): Partial<Record<SettingName, unknown>> {
  const given = settingNames.flatMap((name) => {
    const { flag } = settings[name];
    const value = flag === null ? undefined : options[new Option(flag).attributeName()];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}
