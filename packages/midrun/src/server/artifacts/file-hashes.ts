/** SHA-256 of files, each read once as long as it does not change. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";

export interface FileFacts {
  path: string;
  sizeBytes: number;
  modifiedMs: number;
}

export interface FileHashes {
  /** Hexadecimal, lower case, of the first `sizeBytes` bytes. */
  sha256(file: FileFacts): Promise<string>;
}

const maxRemembered = 10_000;

/** What a checkpoint says of its own files: they were hashed when they were written. */
const recordedSchema = z.looseObject({ files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)) });

async function recordedHash(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(join(dirname(path), "state.json"), "utf8");
    return recordedSchema.parse(JSON.parse(text)).files[basename(path)];
  } catch {
    // No checkpoint, or a damaged one: the bytes that there are decide.
    return undefined;
  }
}

async function hashBytes({ path, sizeBytes }: FileFacts): Promise<string> {
  const hash = createHash("sha256");
  if (sizeBytes > 0) {
    // `end`: a file that is being appended to stays at the length it was listed with.
    for await (const chunk of createReadStream(path, { end: sizeBytes - 1, highWaterMark: 2 ** 20 }))
      hash.update(chunk);
  }
  return hash.digest("hex");
}

export function createFileHashes(): FileHashes {
  /** The least recently asked for first. */
  const known = new Map<string, Promise<string>>();

  const find = async (file: FileFacts) => (await recordedHash(file.path)) ?? hashBytes(file);

  return {
    sha256(file) {
      const key = `${file.path}\n${file.sizeBytes}\n${file.modifiedMs}`;
      const hash = known.get(key) ?? find(file);
      known.delete(key);
      known.set(key, hash);
      hash.catch(() => known.delete(key));
      if (known.size > maxRemembered) known.delete(known.keys().next().value!);
      return hash;
    },
  };
}
