/** JSON with its numbers as another text writes them: transformers refuses the `30` that JavaScript makes of a float's `30.0`. */
import { toJsonText } from "./json-file.ts";

/** Not yet in TypeScript's library. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
type ReviveWithSource = (key: string, value: unknown, context: { source: string }) => unknown;
const parseWithSource = JSON.parse as (text: string, revive: ReviveWithSource) => unknown;

/** A number and how it was written. */
interface Written {
  value: number;
  text: string;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const isWritten = (value: unknown): value is Written => isObject(value) && written.has(value);
const written = new WeakSet<object>();

function keepText(value: number, text: string): Written {
  const number = { value, text };
  written.add(number);
  return number;
}

function withNumbersOf(value: unknown, source: unknown): unknown {
  if (typeof value === "number") return isWritten(source) && source.value === value ? rawJSON(source.text) : value;
  if (!isObject(value) || !isObject(source)) return value;
  if (Array.isArray(value)) return value.map((item, i) => withNumbersOf(item, (source as unknown as unknown[])[i]));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbersOf(item, source[key])]));
}

/** As `toJsonText`; a number that stands at the same place in `source` keeps the text that it has there. */
export function toJsonTextLike(value: unknown, source: string): string {
  const numbers = parseWithSource(source, (_, item, context) =>
    typeof item === "number" ? keepText(item, context.source) : item,
  );
  return toJsonText(withNumbersOf(value, numbers));
}
