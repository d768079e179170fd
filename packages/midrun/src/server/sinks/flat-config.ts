/** A configuration as names and values without a tree: `{ lora: { r: 8 } }` is `lora.r` 8. */
export function flatten(value: unknown, name = ""): [string, string | number | boolean][] {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return [[name, value]];
  if (Array.isArray(value)) return [[name, JSON.stringify(value)]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => flatten(item, name === "" ? key : `${name}.${key}`));
}
