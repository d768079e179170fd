/** midrun's errors. Imports nothing; conversion to HTTP happens in `server/http-error.ts` alone. */

/** Every reason midrun fails for. A closed list: callers may switch over it. */
export type ErrorCode =
  | "invalid_config"
  | "invalid_request"
  | "invalid_dataset"
  | "invalid_model"
  | "invalid_checkpoint"
  | "model_not_found"
  | "job_not_found"
  | "file_not_found"
  | "key_not_found"
  | "route_not_found"
  | "invalid_state"
  | "idempotency_conflict"
  | "context_length_exceeded"
  | "constraint_violated"
  | "tool_calling_not_configured"
  | "not_supported"
  | "invalid_api_key"
  | "payload_too_large"
  | "rate_limit_exceeded"
  | "range_not_satisfiable"
  | "job_failed"
  | "job_cancelled"
  | "diverged"
  | "io"
  | "disk_full"
  | "out_of_memory"
  | "network"
  | "worker_crashed"
  | "aborted"
  | "internal";

export interface MidrunErrorOptions {
  /** The field, `file:line` or parameter at fault. */
  param?: string | null;
  /** How to fix it, one sentence. */
  hint?: string | null;
  cause?: unknown;
}

const marker = Symbol.for("midrun.MidrunError");

/** What midrun throws. `message` says what was found and where; `hint` says how to fix it. */
export class MidrunError extends Error {
  override readonly name: string = "MidrunError";
  readonly [marker] = true;
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly hint: string | null;

  constructor(code: ErrorCode, message: string, { param = null, hint = null, cause }: MidrunErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.param = param;
    this.hint = hint;
  }

  toJSON() {
    return { code: this.code, message: this.message, param: this.param, hint: this.hint };
  }
}

/** True for a `MidrunError` of any copy of this package. */
export function isMidrunError(value: unknown): value is MidrunError {
  return typeof value === "object" && value !== null && marker in value;
}
