/** What the engine asks of a disk, in a shape that tests can make fail, and the errors it answers with. */

import { createHash } from "node:crypto";
import * as nodeFs from "node:fs/promises";
import { dirname } from "node:path";
import { EngineError, isEngineError } from "../util.ts";

/** The calls of `node:fs/promises` that checkpoint writing and reading use. */
export type FileSystem = Pick<
  typeof nodeFs,
  "open" | "mkdir" | "readdir" | "readFile" | "rename" | "rm" | "copyFile" | "stat"
>;

/** The real disk. */
export const nodeFileSystem: FileSystem = nodeFs;

const hints: Record<string, string> = {
  ENOSPC: "The disk is full. Free some space and resume the run.",
  EDQUOT: "The disk quota is used up. Free some space and resume the run.",
  EACCES: "Check the permissions of that path.",
  EPERM: "Check the permissions of that path.",
  EROFS: "That file system is read-only. Choose another directory.",
  EMFILE: "Too many files are open. Raise the limit (`ulimit -n`).",
  ENFILE: "Too many files are open on this machine.",
  EIO: "The device reported an error. Check the disk.",
};

/** The system's error code (`ENOSPC`, …) of an error or of what caused it. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : errnoOf(cause);
}

/** True when writing failed because no space is left: the run can go on once there is some. */
export function isDiskFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(errnoOf(error) ?? "");
}

/** `error` as an `EngineError` `io` or `disk_full` that says what was being done; an `EngineError` stays as it is. */
export function toIoError(error: unknown, doing: string): EngineError {
  if (isEngineError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const code = isDiskFull(error) ? "disk_full" : "io";
  return new EngineError(code, `${doing}: ${reason}`, { hint: hints[errnoOf(error) ?? ""], cause: error });
}

/** Writes all of `bytes`, at `position` or where the handle stands; a disk may take less than it is given. */
export async function writeFully(handle: nodeFs.FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(bytes.length - at, CHUNK_BYTES);
    const { bytesWritten } = await handle.write(bytes, at, length, position === undefined ? null : position + at);
    if (bytesWritten === 0) throw new EngineError("io", `The disk took ${at} of ${bytes.length} bytes and no more.`);
    at += bytesWritten;
  }
}

/** Writes and fsyncs a new file. */
export async function writeFile(fs: FileSystem, path: string, content: string | Uint8Array): Promise<void> {
  const handle = await fs.open(path, "w");
  try {
    await writeFully(handle, typeof content === "string" ? Buffer.from(content) : content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes what is in a file or directory survive a power cut. */
export async function sync(fs: FileSystem, path: string): Promise<void> {
  const handle = await fs.open(path, process.platform === "win32" ? "r+" : "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** As `sync`, for a directory; Windows has no such thing and needs none. */
export async function syncDir(fs: FileSystem, dir: string): Promise<void> {
  if (process.platform !== "win32") await sync(fs, dir);
}

/** Creates `dir` and what is missing above it, durably. */
export async function makeDir(fs: FileSystem, dir: string): Promise<void> {
  const firstCreated = await fs.mkdir(dir, { recursive: true });
  if (firstCreated === undefined) return;
  for (let at = dir; at !== dirname(firstCreated); at = dirname(at)) await syncDir(fs, dirname(at));
}

/** Names of the files and directories in `dir`, sorted; none when there is no such directory. */
export async function listDir(fs: FileSystem, dir: string): Promise<string[]> {
  try {
    return (await fs.readdir(dir)).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw toIoError(error, `Cannot list ${dir}`);
  }
}

/** The kind of thing at `path`; undefined when there is nothing. */
export async function kindOf(fs: FileSystem, path: string): Promise<"file" | "directory" | undefined> {
  try {
    return (await fs.stat(path)).isDirectory() ? "directory" : "file";
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw toIoError(error, `Cannot look at ${path}`);
  }
}

/** SHA-256 of a file in hex, read in pieces. */
export async function hashFile(fs: FileSystem, path: string): Promise<string> {
  const hash = createHash("sha256");
  const handle = await fs.open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(HASH_CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

const CHUNK_BYTES = 2 ** 28; // one system call moves at most 2^31 - 1 bytes
const HASH_CHUNK_BYTES = 2 ** 20;
