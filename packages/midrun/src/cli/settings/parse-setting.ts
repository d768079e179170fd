/** One setting from the words of a command line or an environment variable. */
import { z } from "zod";
import { describeSchema } from "../../protocol/describe-schema.ts";
import { parseWith } from "../../protocol/parse.ts";
import { type SettingName, settings } from "../../protocol/settings.ts";

/** What words stand for, by what the schema accepts. */
const readers: Record<string, (text: string) => unknown> = {
  integer: (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text)),
  "array of string": (text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
};

/** Throws `invalid_config`; `label` is what the user wrote the words for. */
export function parseSetting(name: SettingName, label: string, text: string): unknown {
  const { schema } = settings[name];
  const value = readers[describeSchema(schema)]?.(text) ?? text;
  return parseWith(z.object({ [label]: schema }), { [label]: value }, "invalid_config")[label];
}
