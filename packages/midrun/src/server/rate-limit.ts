/** Requests a minute, for each key: a bucket that fills evenly. Told to clients in OpenAI's headers. */
import type { MiddlewareHandler } from "hono";
import { MidrunError } from "../errors.ts";
import type { Clock } from "./clock.ts";
import type { FrontEnv } from "./front.ts";

interface Bucket {
  /** Requests that may still come at once. */
  left: number;
  /** When `left` was so. */
  at: number;
}

/** Buckets that are full again say nothing: they are forgotten when there are so many. */
const manyBuckets = 10_000;

const seconds = (ms: number) => `${Math.ceil(ms / 100) / 10}s`;

export interface RateLimit {
  /** Also the number that may come at once. */
  requestsPerMinute: number;
  clock: Clock;
}

/** Throws 429 with `Retry-After`. */
export function limitRate({ requestsPerMinute, clock }: RateLimit): MiddlewareHandler<FrontEnv> {
  const perMs = requestsPerMinute / 60_000;
  const buckets = new Map<string, Bucket>();
  const fillOf = ({ left, at }: Bucket, now: number) =>
    Math.min(requestsPerMinute, left + Math.max(0, now - at) * perMs);

  const forgetFull = (now: number) => {
    for (const [owner, bucket] of buckets) if (fillOf(bucket, now) >= requestsPerMinute) buckets.delete(owner);
  };

  return async (c, next) => {
    const now = clock.now();
    if (buckets.size >= manyBuckets) forgetFull(now);
    const owner = c.get("key")?.id ?? "nobody";
    const fill = fillOf(buckets.get(owner) ?? { left: requestsPerMinute, at: now }, now);
    const isAllowed = fill >= 1;
    const left = isAllowed ? fill - 1 : fill;
    buckets.set(owner, { left, at: now });
    const headers = {
      "x-ratelimit-limit-requests": String(requestsPerMinute),
      "x-ratelimit-remaining-requests": String(Math.floor(left)),
      "x-ratelimit-reset-requests": seconds((requestsPerMinute - left) / perMs),
    };
    if (isAllowed) {
      await next();
      for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
      return;
    }
    const waitMs = (1 - left) / perMs;
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
    c.header("retry-after", String(Math.max(1, Math.ceil(waitMs / 1000))));
    throw new MidrunError("rate_limit_exceeded", `More than ${requestsPerMinute} requests a minute were sent.`, {
      hint: `Try again in ${seconds(waitMs)}.`,
    });
  };
}
