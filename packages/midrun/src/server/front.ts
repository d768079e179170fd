/** What every request goes through before a route sees it: its id, the guards, the key, the limits. */
import { Hono, type MiddlewareHandler } from "hono";
import { MidrunError } from "../errors.ts";
import type { Asked } from "./all-routes.ts";
import type { Gate } from "./auth.ts";
import { limitBody } from "./body-limit.ts";
import { errorResponse, isForeseen } from "./http-error.ts";
import { newRequestId } from "./ids.ts";
import type { ApiKey } from "./keys.ts";
import { type AllowedHosts, loopbackGuard } from "./loopback-guard.ts";
import type { AnsweredRequest } from "./observe/log.ts";
import type { Metrics } from "./observe/metrics.ts";

export interface FrontEnv {
  Variables: { asked: Asked; key: ApiKey | null };
}

export interface FrontOptions {
  gate: Gate;
  allowedHosts: AllowedHosts;
  /** Null: any number of requests. */
  limitRate: MiddlewareHandler<FrontEnv> | null;
  maxBodyBytes: number;
  /** Resolves when requests may be answered; rejects when they never will be. */
  ready: Promise<void>;
  /** Whether the server answers: null, or why not. */
  whyNot: () => Promise<string | null>;
  isClosed: () => boolean;
  /** The routes of whoever has this key. */
  answer: (request: Request, asked: Asked, key: ApiKey | null) => Response | Promise<Response>;
  metrics: Metrics;
  onAnswer: (answered: AnsweredRequest) => void;
  onError: (error: unknown, requestId: string) => void;
}

const isFileUpload = (method: string, path: string) =>
  method === "POST" && /^\/v1\/(files|uploads\/[^/]+\/parts)$/.test(path);

export function createFront(options: FrontOptions): Hono<FrontEnv> {
  const { gate, allowedHosts, limitRate, maxBodyBytes, ready, metrics, onAnswer, onError } = options;
  const app = new Hono<FrontEnv>();

  app.use(async (c, next) => {
    const asked: Asked = { requestId: newRequestId(), route: null };
    c.set("asked", asked);
    c.set("key", null);
    const start = performance.now();
    await next();
    c.res.headers.set("x-request-id", asked.requestId);
    const { id: keyId = null, projectId = null } = c.get("key") ?? {};
    const { method } = c.req;
    onAnswer({ ...asked, method, status: c.res.status, ms: performance.now() - start, keyId, projectId });
  });

  // For whoever keeps the server running, who has no key.
  app.get("/healthz", (c) => {
    c.get("asked").route = "/healthz";
    return c.json({ status: "ok" });
  });
  app.get("/readyz", async (c) => {
    c.get("asked").route = "/readyz";
    const reason = await options.whyNot();
    return reason === null ? c.json({ status: "ready" }) : c.json({ status: "not ready", reason }, 503);
  });

  app.use(loopbackGuard(allowedHosts));
  app.use(async (c, next) => {
    c.set("key", await gate(c.req.header("authorization")));
    await next();
  });
  app.get("/metrics", async (c) => {
    c.get("asked").route = "/metrics";
    const { text, contentType } = await metrics.read();
    return c.body(text, 200, { "content-type": contentType });
  });
  if (limitRate) app.use(limitRate);
  const limited = limitBody(maxBodyBytes);
  // Files have a limit of their own, and are never held in memory to be measured.
  app.use((c, next) => (isFileUpload(c.req.method, c.req.path) ? next() : limited(c, next)));
  app.use(async (_, next) => {
    if (options.isClosed()) throw new MidrunError("aborted", "The server has ended.");
    await ready;
    await next();
  });
  app.all("*", (c) => options.answer(c.req.raw, c.get("asked"), c.get("key")));

  app.onError((error, c) => {
    const { requestId } = c.get("asked");
    if (!isForeseen(error)) onError(error, requestId);
    return errorResponse(c, error, requestId);
  });
  return app;
}
