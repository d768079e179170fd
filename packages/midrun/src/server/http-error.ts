/** Errors as HTTP: the one place where an `ErrorCode` becomes a status and OpenAI's error body. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type ErrorCode, isMidrunError, type MidrunError } from "../errors.ts";
import { WireError } from "./wire-error.ts";

/** Clients of OpenAI repeat 408, 409, 429 and 5xx by themselves: a status says whether that may help. */
const statusOf: { [C in ErrorCode]: ContentfulStatusCode } = {
  invalid_config: 400,
  invalid_request: 400,
  invalid_dataset: 400,
  invalid_model: 400,
  invalid_checkpoint: 400,
  model_not_found: 404,
  job_not_found: 404,
  file_not_found: 404,
  key_not_found: 404,
  route_not_found: 404,
  invalid_state: 400,
  idempotency_conflict: 400,
  context_length_exceeded: 400,
  constraint_violated: 500,
  tool_calling_not_configured: 400,
  not_supported: 400,
  invalid_api_key: 401,
  payload_too_large: 413,
  rate_limit_exceeded: 429,
  range_not_satisfiable: 416,
  job_failed: 400,
  job_cancelled: 400,
  diverged: 500,
  io: 500,
  disk_full: 507,
  out_of_memory: 507,
  network: 502,
  worker_crashed: 503,
  aborted: 503,
  internal: 500,
};

/** OpenAI's own answer to an unknown route has no code. */
const codeless: readonly ErrorCode[] = ["route_not_found", "internal"];

/** All four keys are always there. */
export interface ErrorEnvelope {
  error: {
    message: string;
    /** `requests`: there were too many. */
    type: "invalid_request_error" | "server_error" | "requests";
    param: string | null;
    code: string | null;
  };
}

function wireCodeOf(error: MidrunError): string | null {
  if (error instanceof WireError) return error.wireCode;
  return codeless.includes(error.code) ? null : error.code;
}

export function toEnvelope(error: MidrunError): ErrorEnvelope {
  const { code, message, hint, param } = error;
  const fault = statusOf[code] >= 500 ? "server_error" : "invalid_request_error";
  const type = code === "rate_limit_exceeded" ? "requests" : fault;
  const text = hint ? `${message} ${hint}` : message;
  return { error: { message: text, type, param, code: wireCodeOf(error) } };
}

/** What a caller is told of a failure that is our fault: nothing of our insides. */
export function crashEnvelope(requestId: string): ErrorEnvelope {
  const message = `The server failed to answer. Its log has the reason, under request ${requestId}.`;
  return { error: { message, type: "server_error", param: null, code: null } };
}

/** An error that was foreseen; any other is a fault in the server. */
export function isForeseen(error: unknown): error is MidrunError {
  return isMidrunError(error) && error.code !== "internal";
}

/** The answer to a failed request. */
export function errorResponse(c: Context, error: unknown, requestId: string): Response {
  if (!isForeseen(error)) return c.json(crashEnvelope(requestId), 500);
  if (error.code === "invalid_api_key") c.header("www-authenticate", "Bearer");
  return c.json(toEnvelope(error), statusOf[error.code]);
}
