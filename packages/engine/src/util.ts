/** What the whole engine stands on: the error class and a few assertions. Imports nothing. */

/** Every reason the engine fails for. A closed list: callers may switch over it. */
export type EngineErrorCode =
  | "invalid_config" // a hyper-parameter or option is wrong
  | "invalid_model" // a model directory, its config or its weights cannot be used
  | "model_not_found"
  | "invalid_dataset" // a file or row of training data cannot be used
  | "invalid_checkpoint" // a checkpoint is missing, damaged or belongs to another run
  | "invalid_request" // a generation request is wrong
  | "context_length_exceeded"
  | "tool_calling_not_configured" // the model may choose to call a tool, and its chat template has no tool format
  | "constraint_violated" // a finished answer is not what it was held to
  | "not_supported" // named, known, and not offered
  | "diverged" // the loss or a gradient became NaN or infinite
  | "io" // the file system refused: permission, a device error, …
  | "disk_full" // no space is left: the run can go on once there is some
  | "out_of_memory" // a step does not fit, however small its micro-batches are made
  | "network" // a hub or URL could not be read
  | "aborted"
  | "internal";

export interface EngineErrorOptions {
  /** The field, `file:line` or tensor at fault. */
  param?: string;
  /** How to fix it, one sentence. */
  hint?: string;
  cause?: unknown;
}

const marker = Symbol.for("midrun.EngineError");

/** The one error class of `@midrun/engine`. `message` says what was found and where, `hint` how to fix it. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly [marker] = true;
  readonly code: EngineErrorCode;
  readonly param: string | undefined;
  readonly hint: string | undefined;

  constructor(code: EngineErrorCode, message: string, { param, hint, cause }: EngineErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.param = param;
    this.hint = hint;
  }

  toJSON() {
    return { code: this.code, message: this.message, param: this.param ?? null, hint: this.hint ?? null };
  }
}

/** True for an `EngineError` of any copy of this package. */
export function isEngineError(value: unknown): value is EngineError {
  return typeof value === "object" && value !== null && marker in value;
}

/** Throws an `internal` error: for states that the code itself rules out. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new EngineError("internal", message);
}

/** Number of elements of a tensor of this shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** `[0, 1, …, n - 1]`. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
