/** The second opinion: Ajv looks at the finished text, and at the schema before anything else does. */
import { createRequire } from "node:module";
import { createContext, Script } from "node:vm";
import type { Ajv as AjvClass, ErrorObject, Options } from "ajv";
import { refusal } from "../refuse.ts";
import { decimalOf, isMultiple } from "../sets/decimal.ts";
import { toUnicodePattern } from "../sets/regex-parse.ts";
import { type DialectName, dialectOf } from "./dialect.ts";
import { isSchema, type SchemaObject } from "./document.ts";

/** What is wrong with a text; `path` is a JSON pointer into the value, "" for the whole of it. */
export interface Violation {
  message: string;
  path: string;
}

// Ajv and its formats are CommonJS: required, they look the same to every bundler and loader.
const require = createRequire(import.meta.url);
const classes: Readonly<Record<DialectName, () => new (options: Options) => AjvClass>> = {
  "2020-12": () => require("ajv/dist/2020.js").default,
  "draft-07": () => require("ajv").default,
};

/** With `allErrors`, Ajv's code for a property is not nested in the code for the one before: five thousand of them are no problem. */
const options: Options = { strict: false, logger: false, ownProperties: true, allErrors: true };

const checkers = new Map<DialectName, AjvClass>();

/** @throws EngineError `invalid_request` with the place of what the meta-schema refuses. */
export function checkSchema(schema: unknown): asserts schema is boolean | SchemaObject {
  if (!isSchema(schema)) throw refusal("A schema is an object or a boolean.", { path: "#" });
  const dialect = dialectOf(schema);
  const ajv = checkers.get(dialect) ?? new (classes[dialect]())({ ...options, validateFormats: false });
  checkers.set(dialect, ajv);
  if (ajv.validateSchema(schema) === true) return;
  throw malformed(schema, ajv.errors![0]!);
}

function malformed(schema: boolean | SchemaObject, { instancePath, message = "is not valid", params }: ErrorObject) {
  const keys = instancePath.split("/").slice(1);
  const value = keys.reduce<unknown>(
    (inside, key) => (inside as SchemaObject)[key.replaceAll("~1", "/").replaceAll("~0", "~")],
    schema,
  );
  const allowed = Array.isArray(params.allowedValues) ? ` (${params.allowedValues.join(", ")})` : "";
  return refusal(`${JSON.stringify(value).slice(0, 80)} ${message}${allowed}.`, {
    path: `#${instancePath}`,
    hint: "Correct the schema: its meta-schema refuses it.",
  });
}

/** A validator of JSON values, for a schema that has been checked. @throws EngineError `invalid_request` when Ajv cannot use it. */
export function createValidator(schema: boolean | SchemaObject): (value: unknown) => Violation | null {
  const Ajv = classes[dialectOf(schema)]();
  const ajv = new Ajv({ ...options, validateSchema: false, code: { regExp: unicodeRegExp } });
  require("ajv-formats").default(ajv);
  exactMultiples(ajv);
  const validate = compile(ajv, schema);
  return (value) => {
    try {
      return validate(value) ? null : toViolation(validate.errors![0]!);
    } catch (error) {
      if (isHopeless(error)) return { message: `cannot be checked: ${error.message}`, path: "" };
      throw error;
    }
  };
}

function compile(ajv: AjvClass, schema: boolean | SchemaObject) {
  try {
    return ajv.compile(schema);
  } catch (cause) {
    const message = `The schema cannot be used to check answers: ${(cause as Error).message}.`;
    throw refusal(message, { path: "#", cause });
  }
}

/** Patterns mean to Ajv what they mean to the grammar. */
const unicodeRegExp = Object.assign(
  (pattern: string, flags: string) => {
    const expression = new RegExp(toUnicodePattern(pattern), flags);
    // Ajv tells patterns apart by their text.
    return { test: (text: string) => testInTime(expression, text), toString: () => String(expression) };
  },
  { code: "unicodeRegExp" },
);

/** For one test of one pattern. There are patterns, such as `(a+)+$`, that would take years. */
const patternMs = 1000;
const matching = createContext({});
const matchingScript = new Script("expression.test(text)");

/** Throws where it takes too long. */
function testInTime(expression: RegExp, text: string): boolean {
  Object.assign(matching, { expression, text });
  return matchingScript.runInContext(matching, { timeout: patternMs }) as boolean;
}

/** A check that cannot be made: of values as deep as the stack, of patterns that take too long, of schemas that go round in circles. */
const isHopeless = (error: unknown): error is Error =>
  error instanceof RangeError || (error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";

/** Ajv divides doubles, for which 0.3 is no multiple of 0.1. */
function exactMultiples(ajv: AjvClass): void {
  ajv.removeKeyword("multipleOf");
  ajv.addKeyword({
    keyword: "multipleOf",
    type: "number",
    schemaType: "number",
    compile: (step: number) => (value: number) => isMultiple(decimalOf(value), decimalOf(step)),
    error: { message: ({ schema }) => `must be multiple of ${schema}` },
  });
}

function toViolation({ instancePath, message = "is not valid" }: ErrorObject): Violation {
  return { message, path: instancePath };
}
