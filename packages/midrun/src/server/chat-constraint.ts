/** From the many ways to ask for structured output to the one constraint that they mean. */
import { MidrunError } from "../errors.ts";
import type { ResponseFormatRequest, StructuredOutputsRequest } from "../protocol/chat-request.ts";
import type { Constraint, ConstraintOptions } from "../protocol/constraint.ts";

/** A constraint, and the field of the request that asks for it. */
export interface AskedConstraint {
  constraint: Constraint;
  constraintOptions: ConstraintOptions;
  param: string;
}

/** vLLM's fields, as far as a request has any. */
export interface StructuredFields {
  /** The field that shows that there are some. */
  param: string;
  /** What their names begin with: `structured_outputs.`, or `guided_` as they were called. */
  prefix: string;
  fields: Partial<StructuredOutputsRequest>;
}

type Asked = Omit<AskedConstraint, "constraintOptions">;

const formats: {
  [T in ResponseFormatRequest["type"]]: (format: Extract<ResponseFormatRequest, { type: T }>) => Constraint | null;
} = {
  text: () => null,
  json_object: () => ({ type: "json_object" }),
  json_schema: ({ json_schema: { schema } }) =>
    schema == null ? { type: "json_object" } : { type: "json_schema", schema },
  structural_tag: (tag) => ({ type: "structural_tag", tag }),
};

const kinds: {
  [K in "json" | "regex" | "choice" | "grammar" | "json_object" | "structural_tag"]: (
    value: NonNullable<StructuredOutputsRequest[K]>,
    param: string,
  ) => Constraint | null;
} = {
  json: (schema, param) => ({
    type: "json_schema",
    schema: typeof schema === "string" ? parseJson(schema, param) : schema,
  }),
  regex: (pattern) => ({ type: "regex", pattern }),
  choice: (choices) => ({ type: "choice", choices }),
  grammar: (ebnf) => ({ type: "grammar", ebnf }),
  json_object: (asked) => (asked ? { type: "json_object" } : null),
  structural_tag: (tag) => ({ type: "structural_tag", tag }),
};
const kindNames = Object.keys(kinds) as (keyof typeof kinds)[];

function parseJson(text: string, param: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MidrunError("invalid_request", `${param}: It is not JSON: ${(cause as Error).message}.`, {
      param,
      cause,
    });
  }
}

function constraintsIn({ prefix, fields }: StructuredFields): Asked[] {
  return kindNames.flatMap((kind) => {
    const param = prefix + kind;
    const value = fields[kind];
    const constraint = value == null ? null : kinds[kind](value as never, param);
    return constraint ? [{ constraint, param }] : [];
  });
}

const optionNames: Record<
  "disable_any_whitespace" | "disable_additional_properties" | "whitespace_pattern",
  keyof ConstraintOptions
> = {
  disable_any_whitespace: "disableAnyWhitespace",
  disable_additional_properties: "disableAdditionalProperties",
  whitespace_pattern: "whitespacePattern",
};

function optionsIn(all: readonly StructuredFields[]): ConstraintOptions {
  const given = all.flatMap(({ fields }) =>
    Object.entries(optionNames).flatMap(([name, own]) => {
      const value = fields[name as keyof typeof optionNames];
      return value == null || value === false ? [] : [[own, value] as const];
    }),
  );
  return Object.fromEntries(given);
}

function wrongCount(param: string, found: string): MidrunError {
  return new MidrunError("invalid_request", `${param}: got ${found}, expected exactly one constraint.`, {
    param,
    hint: `A constraint is one of ${kindNames.join(", ")}, or a response format other than text.`,
  });
}

/**
 * The constraint that a request asks for, if any.
 * @throws MidrunError `invalid_request` for more than one, and for options of none
 */
export function askedConstraint(
  responseFormat: { param: string; format: ResponseFormatRequest | null | undefined },
  structured: readonly StructuredFields[],
): AskedConstraint | null {
  const { param, format } = responseFormat;
  const constraint = format ? formats[format.type](format as never) : null;
  const all = [...(constraint ? [{ constraint, param }] : []), ...structured.flatMap(constraintsIn)];
  const constraintOptions = optionsIn(structured);
  if (all.length > 1) throw wrongCount(all[1]!.param, all.map((each) => each.param).join(" and "));
  if (all[0]) return { ...all[0], constraintOptions };
  if (structured[0]) throw wrongCount(structured[0].param, "none");
  return null;
}
