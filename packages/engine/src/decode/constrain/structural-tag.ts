/** Structural tags, as xgrammar and vLLM know them: free text with constrained parts. */
import { parseEbnf } from "./grammar/ebnf.ts";
import { alt, type Expr, literal, nothing, optional, repeat, rule, seq } from "./grammar/expr.ts";
import { freeText, type Stop } from "./grammar/free-text.ts";
import { regexExpr } from "./grammar/regex-expr.ts";
import { atPath, below, refusal } from "./refuse.ts";
import { type SchemaOptions, schemaExpr } from "./schema/compile.ts";
import { checkSchema } from "./schema/validator.ts";
import { checkFields, type Fields, type TagFormat } from "./structural-tag-fields.ts";
import { fromLegacyTag } from "./structural-tag-legacy.ts";

/** What is around a format. */
interface Context {
  path: string;
  options: SchemaOptions;
  /** One of these must follow, and belongs to the format; null: nothing in particular. Free text goes up to the first of them. */
  ends: readonly string[] | null;
}

interface FormatRule extends Fields {
  build(format: TagFormat, context: Context): Expr;
}

const formats: Readonly<Record<string, FormatRule>> = {
  const_string: {
    required: { value: "string" },
    build: ({ value }, { ends }) => ended(literal(value as string), ends),
  },
  json_schema: {
    required: { json_schema: "schema" },
    build({ json_schema: schema }, { ends, options }) {
      checkSchema(schema);
      return ended(schemaExpr(schema, options), ends);
    },
  },
  regex: {
    required: { pattern: "string" },
    build: ({ pattern }, { ends, path }) =>
      ended(
        atPath(below(path, "pattern"), () => regexExpr(pattern as string)),
        ends,
      ),
  },
  grammar: {
    required: { grammar: "string" },
    build: ({ grammar }, { ends }) => ended(parseEbnf(grammar as string), ends),
  },
  any_text: {
    required: {},
    optional: { excludes: "strings", excluded_str: "strings" },
    build: ({ excludes, excluded_str }, { ends }) =>
      freeText({
        stops: (ends ?? []).map((text) => ({ text, after: nothing, goesOn: false })),
        excluded: [...((excludes as string[] | undefined) ?? []), ...((excluded_str as string[] | undefined) ?? [])],
        mayEnd: ends === null,
      }),
  },
  sequence: {
    required: { elements: "formats" },
    build: ({ elements }, context) =>
      seq(
        ...(elements as TagFormat[]).map((element, i, all) =>
          build(element, { ...inside(context, "elements", i), ends: i === all.length - 1 ? context.ends : null }),
        ),
      ),
  },
  or: {
    required: { elements: "formats" },
    build: ({ elements }, context) =>
      alt((elements as TagFormat[]).map((element, i) => build(element, inside(context, "elements", i)))),
  },
  tag: {
    required: { begin: "string", content: "format", end: "strings" },
    build: (tag, context) => ended(seq(literal(tag.begin as string), bodyOf(tag, context)), context.ends),
  },
  triggered_tags: {
    required: { triggers: "strings", tags: "formats" },
    optional: { at_least_one: "boolean", stop_after_first: "boolean", excludes: "strings" },
    build: triggered,
  },
  tags_with_separator: {
    required: { tags: "formats", separator: "string" },
    optional: { at_least_one: "boolean", stop_after_first: "boolean" },
    build({ tags, separator, at_least_one, stop_after_first }, context) {
      // A rule, so that the first one and the others are one part of the network.
      const one = rule("tag", () =>
        alt((tags as TagFormat[]).map((tag, i) => buildTag(tag, inside(context, "tags", i)))),
      );
      const others = repeat(seq(literal(separator as string), one), 0, Number.POSITIVE_INFINITY);
      const some = stop_after_first ? one : seq(one, others);
      return ended(at_least_one ? some : optional(some), context.ends);
    },
  },
};

/** A structural tag: `{ format }`, the older `{ structures, triggers }`, or the JSON text of either. */
export type StructuralTag = string | Readonly<Record<string, unknown>>;

/** @throws EngineError `invalid_request` naming the format and field at fault. */
export function structuralTagExpr(tag: StructuralTag, options: SchemaOptions): Expr {
  const { format } = fromLegacyTag(parsed(tag));
  return build(format, { path: "tag/format", options, ends: null });
}

function parsed(tag: StructuralTag): unknown {
  if (typeof tag !== "string") return tag;
  try {
    return JSON.parse(tag);
  } catch (cause) {
    throw refusal(`It is not JSON: ${(cause as Error).message}.`, { path: "tag", cause });
  }
}

function build(format: unknown, context: Context): Expr {
  const type = typeof format === "object" && format !== null ? (format as TagFormat).type : undefined;
  if (typeof type !== "string" || !Object.hasOwn(formats, type)) {
    throw refusal(`${JSON.stringify(type)} is not a format that can be enforced.`, {
      path: below(context.path, "type"),
      hint: `Use one of ${Object.keys(formats).join(", ")}.`,
    });
  }
  const rule = formats[type]!;
  checkFields(format as TagFormat, rule, context.path);
  return rule.build(format as TagFormat, context);
}

/** In lists of tags, `type` may be left out. */
function buildTag(tag: TagFormat, context: Context): Expr {
  return build({ type: "tag", ...tag }, { ...context, ends: null });
}

/** What follows a tag's beginning, up to and with its end. An empty end: nothing in particular. */
function bodyOf({ content, end }: TagFormat, context: Context): Expr {
  const ends = [end as string | string[]].flat();
  return build(content, { ...inside(context, "content"), ends: ends.includes("") ? null : ends });
}

/** Free text until a trigger shows that a tag has begun. */
function triggered(format: TagFormat, context: Context): Expr {
  const { at_least_one, stop_after_first, excludes } = format;
  const tags = format.tags as TagFormat[];
  const triggers = format.triggers as string[];
  const bodies = tags.map((tag, i) => {
    const at = inside(context, "tags", i);
    checkFields({ type: "tag", ...tag }, formats.tag!, at.path);
    if (!triggers.some((trigger) => (tag.begin as string).startsWith(trigger))) {
      throw refusal(`${JSON.stringify(tag.begin)} begins with none of the triggers.`, {
        path: below(at.path, "begin"),
      });
    }
    return bodyOf(tag, at);
  });
  const close = stop_after_first ? ended(nothing, context.ends) : nothing;
  const begun = (trigger: string): Expr =>
    alt(
      tags.flatMap(({ begin }, i) => {
        const text = begin as string;
        return text.startsWith(trigger) ? [seq(literal(text.slice(trigger.length)), bodies[i]!, close)] : [];
      }),
    );
  const text = freeText({
    stops: [
      ...triggers.map((text): Stop => ({ text, after: begun(text), goesOn: !stop_after_first })),
      ...(context.ends ?? []).map((text): Stop => ({ text, after: nothing, goesOn: false })),
    ],
    excluded: (excludes as string[] | undefined) ?? [],
    mayEnd: context.ends === null,
  });
  if (!at_least_one) return text;
  return stop_after_first ? begun("") : seq(begun(""), text);
}

function ended(content: Expr, ends: readonly string[] | null): Expr {
  return ends === null ? content : seq(content, alt(ends.map(literal)));
}

function inside(context: Context, ...keys: (string | number)[]): Context {
  return { ...context, path: below(context.path, ...keys) };
}
