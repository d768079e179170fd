/** Bytes in memory, for tests: the obvious twin of `disk-storage.ts`. */
import { createHash } from "node:crypto";
import { type FileStorage, limited, missing } from "./storage.ts";

export function createMemoryStorage(): FileStorage {
  const contents = new Map<string, Uint8Array>();
  return {
    async write(name, chunks, maxBytes) {
      const pieces: Uint8Array[] = [];
      for await (const chunk of limited(chunks, maxBytes)) pieces.push(Uint8Array.from(chunk));
      const content = Buffer.concat(pieces);
      contents.set(name, content);
      return { bytes: content.length, md5: createHash("md5").update(content).digest("hex") };
    },
    async *read(name) {
      const content = contents.get(name);
      if (!content) throw missing(name);
      yield content;
    },
    remove: async (name) => void contents.delete(name),
    async sweep(isWanted) {
      for (const name of [...contents.keys()]) if (!(await isWanted(name))) contents.delete(name);
    },
    pathOf: (name) => `/midrun-memory/${name}`,
  };
}
