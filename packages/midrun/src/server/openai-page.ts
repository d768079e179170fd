/** Lists as OpenAI pages them: lenient about what is asked, `has_more` always there. */
import type { Context } from "hono";
import type { Page } from "../protocol/page.ts";
import { badRequest } from "./wire-error.ts";

export interface WirePage<T> {
  object: "list";
  data: T[];
  has_more: boolean;
}

export interface IdentifiedPage<T> extends WirePage<T> {
  first_id: string | null;
  last_id: string | null;
}

/** `limit=0` is sent by a client's own tests, and means the least there is. */
export function readLimit(c: Context, { max, fallback }: { max: number; fallback: number }): number {
  const text = c.req.query("limit");
  if (text === undefined || text === "") return fallback;
  const limit = Number(text);
  if (Number.isInteger(limit)) return Math.min(max, Math.max(1, limit));
  throw badRequest(
    `Invalid value for 'limit': got ${JSON.stringify(text)}, expected integer.`,
    "limit",
    "invalid_type",
  );
}

/** One of the choices; the first one when nothing is asked. */
export function readChoice<T extends string>(c: Context, name: string, choices: readonly [T, ...T[]]): T {
  const text = c.req.query(name);
  const known = choices.find((choice) => choice === text);
  if (text === undefined || text === "" || known) return known ?? choices[0];
  const expected = choices.map((choice) => `'${choice}'`).join(" or ");
  throw badRequest(`Invalid value for '${name}': got '${text}', expected ${expected}.`, name, "invalid_value");
}

/** The items after the one with this id; none when there is no such item. */
export function pageAfter<T extends { id: string }>(
  items: readonly T[],
  { after, limit }: { after: string | undefined; limit: number },
): WirePage<T> {
  const start = after ? items.findIndex(({ id }) => id === after) + 1 : 0;
  const rest = after && start === 0 ? [] : items.slice(start);
  return { object: "list", data: rest.slice(0, limit), has_more: rest.length > limit };
}

/** A page of those items that match, read from a list in pages as large. */
export async function pageOfMatching<T extends { id: string }>(
  read: (options: { after?: string; limit: number }) => Promise<Page<T>>,
  matches: (item: T) => boolean,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<Page<T>> {
  const found: T[] = [];
  for (let last = after; found.length <= limit; ) {
    const page = await read({ limit: limit + 1, ...(last ? { after: last } : {}) });
    found.push(...page.data.filter(matches));
    if (!page.hasMore) break;
    last = page.data.at(-1)!.id;
  }
  return { data: found.slice(0, limit), hasMore: found.length > limit };
}

export function withIds<T extends { id: string }>(page: WirePage<T>): IdentifiedPage<T> {
  return { ...page, first_id: page.data[0]?.id ?? null, last_id: page.data.at(-1)?.id ?? null };
}
