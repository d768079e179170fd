/** Which of the given functions an answer may or must call. */
import { checkSchema } from "../decode/constrain/schema/validator.ts";
import type { ToolChoice, ToolDefinition } from "../spec.ts";
import { EngineError, isEngineError } from "../util.ts";

export interface CallableTool {
  name: string;
  /** Of the arguments: always of an object. */
  schema: Record<string, unknown>;
  /** Where the definition stands among the tools of the request. */
  index: number;
}

export interface ChosenTools {
  tools: CallableTool[];
  /** There must be a call. */
  isForced: boolean;
  /** There must be at most one. */
  isSingle: boolean;
}

export interface ToolQuestion {
  tools: readonly ToolDefinition[];
  choice: ToolChoice;
  isParallel: boolean;
}

/**
 * Null when nothing may be called.
 *
 * @throws EngineError `invalid_request` for names that cannot be told apart, a choice of what is not there, and parameters that are not
 * those of an object.
 */
export function chooseTools({ tools, choice, isParallel }: ToolQuestion): ChosenTools | null {
  const callable = tools.map(toCallable);
  const names = callable.map(({ name }) => name);
  const twice = names.findIndex((name, at) => names.indexOf(name) !== at);
  if (twice >= 0) throw invalid(`tools[${twice}].function.name`, `"${names[twice]}" is the name of two tools.`);
  if (choice === "none" || (tools.length === 0 && choice === "auto")) return null;
  if (tools.length === 0) throw invalid("toolChoice", "A call is asked for, and there are no tools.");
  if (typeof choice === "string") return { tools: callable, isForced: choice === "required", isSingle: !isParallel };
  if ("allowed" in choice) {
    const { allowed, mode } = choice;
    return {
      tools: allowed.map((name) => named(name, callable)),
      isForced: mode === "required",
      isSingle: !isParallel,
    };
  }
  return { tools: [named(choice.name, callable)], isForced: true, isSingle: true };
}

function named(name: string, tools: readonly CallableTool[]): CallableTool {
  const found = tools.find((tool) => tool.name === name);
  if (found) return found;
  throw invalid("toolChoice", `"${name}" is none of the tools (${tools.map((tool) => tool.name).join(", ")}).`);
}

function toCallable({ function: { name, parameters } }: ToolDefinition, index: number): CallableTool {
  const place = `tools[${index}].function`;
  if (!/^[\w-]{1,64}$/.test(name)) {
    throw invalid(
      `${place}.name`,
      `The tool name ${JSON.stringify(name)} is not 1 to 64 letters, digits, underscores and dashes.`,
    );
  }
  if (parameters === undefined || isEmpty(parameters)) return { name, index, schema: noParameters };
  try {
    checkSchema(parameters);
  } catch (error) {
    throw schemaRefusal({ name, index }, error);
  }
  const { type = "object" } = parameters;
  if (type === "object") return { name, index, schema: { ...parameters, type } };
  throw invalid(`${place}.parameters`, `The parameters of "${name}" have type ${JSON.stringify(type)}, not "object".`);
}

/** People write so for a function without parameters. `{ type: "object" }` alone is an object of whatever kind. */
function isEmpty({ properties, ...rest }: Record<string, unknown>): boolean {
  if (properties === undefined || JSON.stringify(properties) !== "{}") return false;
  return Object.entries(rest).every(
    ([keyword, value]) =>
      ["$schema", "title", "description"].includes(keyword) ||
      (keyword === "type" && value === "object") ||
      (keyword === "required" && JSON.stringify(value) === "[]"),
  );
}

/** What OpenAI takes missing parameters for. */
const noParameters = { type: "object", properties: {}, additionalProperties: false };

/** An error about a schema, with the tool that it belongs to. */
export function schemaRefusal({ name, index }: Pick<CallableTool, "name" | "index">, error: unknown): unknown {
  if (!isEngineError(error) || error.code !== "invalid_request") return error;
  const { message, hint, cause } = error;
  return invalid(`tools[${index}].function.parameters`, `The parameters of "${name}" cannot be enforced: ${message}`, {
    hint,
    cause,
  });
}

function invalid(param: string, message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
  const { hint, cause } = options;
  return new EngineError("invalid_request", message, { param, ...(hint && { hint }), cause });
}
