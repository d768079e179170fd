/** Every route of the API, over the services of whoever asks. */
import { Hono } from "hono";
import { routePath } from "hono/route";
import { MidrunError } from "../errors.ts";
import type { Env, Services } from "./context.ts";
import { errorResponse, isForeseen } from "./http-error.ts";
import { chatCompletionRoutes } from "./routes/chat-completions.ts";
import { checkpointPermissionRoutes } from "./routes/checkpoint-permissions.ts";
import { completionRoutes } from "./routes/completions.ts";
import { fileRoutes } from "./routes/files.ts";
import { fineTuningJobRoutes } from "./routes/fine-tuning-jobs.ts";
import { graderRoutes } from "./routes/graders.ts";
import { inferenceRoutes } from "./routes/inference.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { modelRoutes } from "./routes/models.ts";
import { storedCompletionRoutes } from "./routes/stored-completions.ts";
import { uploadRoutes } from "./routes/uploads.ts";

/** What the front of the server says of a request, and is told of it. */
export interface Asked {
  requestId: string;
  /** Pattern of the route that answered, `/v1/jobs/:id`; null until one did. */
  route: string | null;
}

export function createRoutes(services: Services): Hono<Env> {
  const app = new Hono<Env>();

  app.use(async (c, next) => {
    c.set("requestId", c.env.asked.requestId);
    await next();
    // The middleware itself is a route for every path: it has the pattern "/*".
    const pattern = routePath(c, -1);
    if (!pattern.endsWith("*")) c.env.asked.route = pattern;
  });

  app.route("/v1/jobs", jobRoutes(services));
  app.route("/v1/models", modelRoutes(services));
  app.route("/v1/chat/completions", chatCompletionRoutes(services));
  app.route("/v1/chat/completions", storedCompletionRoutes(services));
  app.route("/v1/completions", completionRoutes(services));
  app.route("/v1/inference", inferenceRoutes(services));
  app.route("/v1/files", fileRoutes(services));
  app.route("/v1/uploads", uploadRoutes(services));
  app.route("/v1/fine_tuning/jobs", fineTuningJobRoutes(services));
  app.route("/v1/fine_tuning/checkpoints", checkpointPermissionRoutes(services));
  app.route("/v1/fine_tuning/alpha/graders", graderRoutes(services));

  app.notFound((c) => {
    const { pathname } = new URL(c.req.url);
    const error = new MidrunError("route_not_found", `Invalid URL (${c.req.method} ${pathname})`);
    return errorResponse(c, error, c.get("requestId"));
  });
  app.onError((error, c) => {
    const requestId = c.get("requestId");
    if (!isForeseen(error)) services.onError(error, requestId);
    return errorResponse(c, error, requestId);
  });
  return app;
}
