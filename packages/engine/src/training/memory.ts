/** Recognises that memory ran out, whoever noticed it. */
import { EngineError, isEngineError } from "../util.ts";

/** ONNX Runtime's arena, the C++ allocator below it, and JavaScript's own buffers. */
const signs = /bad_alloc|failed to allocate memory|allocation failed|out of memory|cannot allocate memory|enomem/i;

export function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && (signs.test(error.message) || isOutOfMemory(error.cause));
}

/** Memory that ran out anywhere in a run: smaller micro-batches leave more of it to everything else. Other errors stay as they are. */
export function toMemoryError(error: unknown): unknown {
  if (!isOutOfMemory(error) || (isEngineError(error) && error.code === "out_of_memory")) return error;
  return new EngineError("out_of_memory", `Memory ran out. ${(error as Error).message}`, {
    param: "batchSize",
    hint: "Lower batchSize and raise gradientAccumulationSteps as much, or lower maxLength.",
    cause: error,
  });
}
