/** Reads what a request brings: JSON bodies, queries, idempotency keys. */
import { createHash } from "node:crypto";
import type { Context } from "hono";
import { MidrunError } from "../errors.ts";
import { jsonDepth } from "./json-depth.ts";
import type { IdempotencyKey } from "./store.ts";
import { WireError } from "./wire-error.ts";

/** Arrays and objects inside each other. */
const deepestBody = 500;

/** What a request ends in whose sender goes away before its end. */
export const brokenOff = (cause: unknown) =>
  new MidrunError("aborted", "The request broke off before its end.", { cause });

async function readText(c: Context): Promise<string> {
  try {
    return await c.req.text();
  } catch (cause) {
    throw brokenOff(cause);
  }
}

/** The body's JSON. Throws `invalid_request`; `aborted` when it broke off. */
export async function readJson(c: Context): Promise<unknown> {
  const text = await readText(c);
  const value = parseBody(text);
  const depth = jsonDepth(text);
  if (depth <= deepestBody) return value;
  throw new WireError(
    "invalid_request",
    null,
    `The request's body is nested ${depth} deep; at most ${deepestBody} is possible.`,
  );
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = text.trim() === "" ? "it is empty" : (cause as Error).message;
    // OpenAI's own answer to this has no code.
    throw new WireError("invalid_request", null, `The request's body is not JSON: ${reason}.`, { cause });
  }
}

/** An integer of the query, moved into the given bounds. Throws `invalid_request` for anything but an integer. */
export function queryInteger(
  c: Context,
  name: string,
  { min, max, fallback }: Record<"min" | "max" | "fallback", number>,
) {
  const text = c.req.query(name);
  if (text === undefined) return fallback;
  return Math.min(max, Math.max(min, parseInteger(text, name)));
}

/** Throws `invalid_request` naming `param`. */
export function parseInteger(text: string, param: string): number {
  const value = /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isInteger(value)) return value;
  throw new MidrunError("invalid_request", `${param}: got ${JSON.stringify(text.slice(0, 40))}, expected integer.`, {
    param,
  });
}

/** The `Idempotency-Key` header with the fingerprint of this request; undefined without one. Throws `invalid_request`. */
export async function readIdempotencyKey(c: Context): Promise<IdempotencyKey | undefined> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (key.length < 1 || key.length > 255) {
    throw new MidrunError("invalid_request", `Idempotency-Key: got ${key.length} characters, expected 1 to 255.`, {
      param: "Idempotency-Key",
    });
  }
  const request = `${c.req.method} ${c.req.path}\n${await readText(c)}`;
  return { key, fingerprint: createHash("sha256").update(request).digest("hex") };
}
