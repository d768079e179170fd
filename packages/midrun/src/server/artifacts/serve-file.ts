/** A file as an answer: whole or a part of it, and only if it is not the one that the client has. */
import { type FileHandle, open } from "node:fs/promises";
import type { Context } from "hono";
import { MidrunError } from "../../errors.ts";
import type { JobFile } from "../../protocol/job.ts";
import { errorResponse } from "../http-error.ts";
import { type ByteRange, parseRange } from "./byte-range.ts";

export interface FileToServe extends Pick<JobFile, "name" | "sizeBytes" | "sha256"> {
  path: string;
}

const chunkBytes = 256 * 1024;

const typeOf = (name: string) => (name.endsWith(".json") ? "application/json" : "application/octet-stream");

/** True when the header names this version: `"a"`, `W/"a"` (weak, good enough to say that nothing changed), or `*`. */
const names = (header: string, etag: string) =>
  header.split(",").some((each) => ["*", etag, `W/${etag}`].includes(each.trim()));

/** A range of another version would be joined to the wrong file: then the whole is sent. A date says too little. */
const isSameVersion = (ifRange: string | undefined, etag: string) => ifRange === undefined || ifRange.trim() === etag;

/** The bytes from `start` to `end`, read as fast as they are sent; the file is closed in the end, whoever ends it. */
function readPart(file: FileHandle, { start, end }: ByteRange): ReadableStream<Uint8Array> {
  let at = start;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const buffer = new Uint8Array(Math.min(chunkBytes, end + 1 - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead));
      at += bytesRead;
      if (bytesRead > 0 && at <= end) return;
      await file.close();
      // The file became shorter: a broken connection tells it better than an answer that seems whole.
      if (at <= end) controller.error(new MidrunError("io", "The file became shorter while it was being sent."));
      else controller.close();
    },
    cancel: () => file.close(),
  });
}

async function openFile({ path, name }: FileToServe): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new MidrunError("file_not_found", `The file "${name}" is gone.`, { param: "name", cause });
  }
}

function refuseRange(c: Context, { name, sizeBytes }: FileToServe): Response {
  const range = c.req.header("range");
  const error = new MidrunError(
    "range_not_satisfiable",
    `Nothing of "${name}" lies in ${range}: it has ${sizeBytes} bytes.`,
    {
      param: "Range",
    },
  );
  c.header("content-range", `bytes */${sizeBytes}`);
  return errorResponse(c, error, c.get("requestId"));
}

/** 200, 206, 304, 412 or 416. Answers HEAD as well, with the headers of GET. */
export async function serveFile(c: Context, file: FileToServe): Promise<Response> {
  const { name, sizeBytes, sha256 } = file;
  const etag = `"${sha256}"`;
  const ifMatch = c.req.header("if-match");
  const ifNoneMatch = c.req.header("if-none-match");
  const isHead = c.req.raw.method === "HEAD";
  c.header("etag", etag);
  c.header("accept-ranges", "bytes");
  c.header("cache-control", "private, no-cache");
  if (ifMatch !== undefined && !names(ifMatch, etag)) return c.body(null, 412);
  if (ifNoneMatch !== undefined && names(ifNoneMatch, etag)) return c.body(null, 304);

  // A range is defined for GET alone.
  const asked = isHead || !isSameVersion(c.req.header("if-range"), etag) ? undefined : c.req.header("range");
  const range = parseRange(asked, sizeBytes);
  if (range === "unsatisfiable") return refuseRange(c, file);
  const part = range ?? { start: 0, end: sizeBytes - 1 };
  if (range) c.header("content-range", `bytes ${range.start}-${range.end}/${sizeBytes}`);
  c.header("content-type", typeOf(name));
  c.header("content-length", String(part.end - part.start + 1));
  c.header("content-disposition", `attachment; filename*=UTF-8''${encodeURIComponent(name.split("/").at(-1)!)}`);
  c.header("x-content-type-options", "nosniff");
  if (isHead || sizeBytes === 0) return c.body(null, 200);
  return c.body(readPart(await openFile(file), part), range ? 206 : 200);
}
