/** Recognises that memory ran out, whoever noticed it. */

/** ONNX Runtime's arena, the C++ allocator below it, and JavaScript's own buffers. */
const signs = /bad_alloc|failed to allocate memory|allocation failed|out of memory|cannot allocate memory|enomem/i;

export function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && (signs.test(error.message) || isOutOfMemory(error.cause));
}
