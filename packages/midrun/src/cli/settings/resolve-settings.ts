/** The value of every setting: flags before the environment, the environment before the file, the file before the default. */
import { type MidrunConfig, type SettingName, type Settings, settings } from "../../protocol/settings.ts";
import { parseSetting } from "./parse-setting.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export interface SettingSources {
  /** Parsed already. */
  flags: Partial<Record<SettingName, unknown>>;
  env: Env;
  file: MidrunConfig;
}

export const settingNames = Object.keys(settings) as SettingName[];

/** Throws `invalid_config` for an environment variable that cannot be read. */
export function resolveSettings({ flags, env, file }: SettingSources): Settings {
  const fromFile = file as Partial<Record<SettingName, unknown>>;
  const value = (name: SettingName) =>
    flags[name] ?? fromEnv(name, env) ?? fromFile[name] ?? settings[name].default ?? undefined;
  return Object.fromEntries(settingNames.map((name) => [name, value(name)])) as unknown as Settings;
}

/** An empty variable is an unset one. */
function fromEnv(name: SettingName, env: Env): unknown {
  const variable = settings[name].env;
  const text = variable === null ? undefined : env[variable];
  return variable === null || !text ? undefined : parseSetting(name, variable, text);
}
