/** Refuses bodies that are too large, whether they say so or not. */
import type { Context, MiddlewareHandler } from "hono";
import { MidrunError } from "../errors.ts";
import { brokenOff } from "./request-body.ts";

const tooLarge = (maxBytes: number) =>
  new MidrunError("payload_too_large", `The request's body is larger than ${maxBytes} bytes.`);

/** A sender that goes away is no fault of the server's. */
async function* arriving(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw brokenOff(cause);
  }
}

async function readLimited(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of arriving(body)) {
    size += piece.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The same request with its body at hand. On a port it is no true `Request`, which `new Request(request)` would need. */
function withBody({ req }: Context, body: Buffer<ArrayBuffer>): Request {
  const { url, method, raw } = req;
  return new Request(url, { method, headers: req.header(), signal: raw.signal, ...(body.length > 0 ? { body } : {}) });
}

/** Throws `payload_too_large`. A body of unknown length is read first, and no further than the limit. */
export function limitBody(maxBytes: number): MiddlewareHandler {
  return async (c, next) => {
    const length = c.req.header("content-length");
    if (length !== undefined && Number(length) > maxBytes) throw tooLarge(maxBytes);
    const { body } = c.req.raw;
    if (length === undefined && body) c.req.raw = withBody(c, await readLimited(body, maxBytes));
    return next();
  };
}
