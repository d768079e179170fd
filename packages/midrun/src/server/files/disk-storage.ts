/** Bytes in files of one directory: written under another name, synced, then renamed, so that none is ever half there. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type FileStorage, limited, missing, type Written } from "./storage.ts";

async function writeSynced(path: string, chunks: AsyncIterable<Uint8Array>): Promise<Written> {
  const hash = createHash("md5");
  let bytes = 0;
  const file = await open(path, "w");
  try {
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      hash.update(chunk);
      bytes += chunk.byteLength;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, md5: hash.digest("hex") };
}

/** Names that are ours: whatever else lies in the directory is left alone. */
const ownName = /^(\.)?((?:file-|part_)[0-9A-Za-z]+)(\.part)?$/;

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** `directory` is made when the first file comes. */
export function createDiskStorage(directory: string): FileStorage {
  const pathOf = (name: string) => join(directory, name);

  return {
    async write(name, chunks, maxBytes) {
      await mkdir(directory, { recursive: true });
      const unfinished = pathOf(`.${name}.part`);
      try {
        const written = await writeSynced(unfinished, limited(chunks, maxBytes));
        await rename(unfinished, pathOf(name));
        return written;
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
    },
    async *read(name) {
      try {
        yield* createReadStream(pathOf(name), { highWaterMark: 256 * 1024 });
      } catch (error) {
        throw (error as NodeJS.ErrnoException).code === "ENOENT" ? missing(name, error) : error;
      }
    },
    remove: (name) => rm(pathOf(name), { force: true }),
    async sweep(isWanted) {
      for (const entry of await namesIn(directory)) {
        const [, dot, name, part] = ownName.exec(entry) ?? [];
        if (name === undefined || (dot === undefined) !== (part === undefined)) continue;
        if (part !== undefined || !(await isWanted(name))) await rm(pathOf(entry), { force: true });
      }
    },
    pathOf,
  };
}
