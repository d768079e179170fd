/** A file that is made anew and then only grows. A write that failed half-way is written over by the next. */
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

export interface GrowingFile {
  append(bytes: Uint8Array): Promise<void>;
}

export function createGrowingFile(path: string): GrowingFile {
  let length: number | null = null;

  return {
    async append(bytes) {
      if (length === null) await mkdir(dirname(path), { recursive: true });
      // Opened for each write: paused jobs hold no files open.
      const file = await open(path, length === null ? "w" : "r+");
      try {
        for (let at = 0; at < bytes.length; ) {
          at += (await file.write(bytes, at, bytes.length - at, (length ?? 0) + at)).bytesWritten;
        }
      } finally {
        await file.close();
      }
      length = (length ?? 0) + bytes.length;
    },
  };
}
