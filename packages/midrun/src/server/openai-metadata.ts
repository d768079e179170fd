/** Pairs of text that users put on what they make, and lists filtered by them. */
import type { Context } from "hono";

export type Metadata = Record<string, string> | null;

/** `metadata[k]=v` for each pair, `metadata=null` for what has none; undefined: any. */
export function readMetadata(c: Context): Metadata | undefined {
  if (c.req.query("metadata") === "null") return null;
  const pairs = Object.entries(c.req.query()).flatMap(([name, value]) => {
    const key = /^metadata\[(.*)\]$/.exec(name)?.[1];
    return key === undefined ? [] : [[key, value] as const];
  });
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}

export function hasMetadata(metadata: Metadata | undefined, wanted: Metadata | undefined): boolean {
  if (wanted === undefined) return true;
  if (wanted === null) return metadata == null;
  return Object.entries(wanted).every(([key, value]) => metadata?.[key] === value);
}
