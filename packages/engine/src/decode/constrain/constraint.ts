/** What can be asked of an answer, and the check of how it is asked. */
import type { Constraint, ConstraintOptions } from "../../spec.ts";
import { below, refusal } from "./refuse.ts";

export type { Constraint, ConstraintOptions } from "../../spec.ts";

type Kind = "string" | "boolean" | "strings" | "json";

/** The fields of every constraint; a `?` marks those that may be left out. */
const fields: { readonly [T in Constraint["type"]]: Readonly<Record<string, Kind | `${Kind}?`>> } = {
  json_object: {},
  json_schema: { schema: "json", strict: "boolean?" },
  regex: { pattern: "string" },
  choice: { choices: "strings" },
  grammar: { ebnf: "string" },
  structural_tag: { tag: "json" },
};

const optionFields: Readonly<Record<keyof ConstraintOptions, `${Kind}?`>> = {
  disableAnyWhitespace: "boolean?",
  disableAdditionalProperties: "boolean?",
  whitespacePattern: "string?",
};

const tests: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  strings: (value) => Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string"),
  json: (value) => value !== undefined,
};

const names: Readonly<Record<Kind, string>> = {
  string: "a string",
  boolean: "true or false",
  strings: "a list of at least one string",
  json: "given",
};

/** A copy of both that is plain JSON. @throws EngineError `invalid_request` naming the field that is wrong. */
export function parseConstraint(
  constraint: Constraint,
  options: ConstraintOptions,
): { constraint: Constraint; options: ConstraintOptions } {
  const { type, ...rest } = plain(constraint, "constraint") as { type: Constraint["type"] } & Record<string, unknown>;
  if (!Object.hasOwn(fields, type)) {
    throw refusal(`${JSON.stringify(type)} is not one of ${Object.keys(fields).join(", ")}.`, { path: "type" });
  }
  checkFields(rest, fields[type], type);
  const plainOptions = plain(options, "options");
  checkFields(plainOptions, optionFields, "options");
  if (options.disableAnyWhitespace && options.whitespacePattern !== undefined) {
    throw refusal("Blanks are described and forbidden at once.", {
      path: "whitespacePattern",
      hint: "Leave out whitespacePattern or disableAnyWhitespace.",
    });
  }
  return { constraint: { type, ...rest } as Constraint, options: plainOptions };
}

function plain(value: object, path: string): Record<string, unknown> {
  try {
    const copy: unknown = JSON.parse(JSON.stringify(value));
    if (typeof copy === "object" && copy !== null && !Array.isArray(copy)) return copy as Record<string, unknown>;
  } catch (cause) {
    throw refusal(`It is not JSON: ${(cause as Error).message}.`, { path, cause });
  }
  throw refusal("It is not an object.", { path });
}

function checkFields(value: Record<string, unknown>, expected: Readonly<Record<string, string>>, path: string): void {
  const stranger = Object.keys(value).find((name) => !Object.hasOwn(expected, name));
  if (stranger !== undefined) {
    throw refusal(`There is no such field (${Object.keys(expected).join(", ") || "it has none"}).`, {
      path: below(path, stranger),
    });
  }
  for (const [name, kind] of Object.entries(expected)) {
    if (kind.endsWith("?") && value[name] === undefined) continue;
    const plainKind = kind.replace("?", "") as Kind;
    if (!tests[plainKind](value[name])) throw refusal(`It is not ${names[plainKind]}.`, { path: below(path, name) });
  }
}
