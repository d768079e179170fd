/**
 * Files of users and of jobs: records in the store, bytes in the storage. A file that has expired is not there any more. A
 * file that is deleted, or expires, while a job is made from it is gone for everybody else; the job keeps its content.
 */
import { type Clock, timestampOf } from "../clock.ts";
import type { FileRecord } from "../file-records.ts";
import { newFileId } from "../ids.ts";
import type { Store } from "../store.ts";
import { WireError } from "../wire-error.ts";
import { checkJsonl } from "./check-jsonl.ts";
import { isFileNeeded } from "./needed-files.ts";
import type { FileStorage } from "./storage.ts";

/** What a user says of a file. */
export interface FileFields {
  filename: string;
  purpose: string;
  /** Lifetime; null: for ever. */
  seconds: number | null;
}

export type Keep = (chunks: AsyncIterable<Uint8Array>) => Promise<void>;

export interface FileService {
  /**
   * A new file. `receive` hands its bytes to `keep` and gives what is said of it, in whichever order they come.
   * Throws what `receive` throws, `payload_too_large`, and 400 for content that does not suit the purpose; then nothing is kept.
   */
  create(receive: (keep: Keep) => Promise<FileFields>, maxBytes: number): Promise<FileRecord>;
  /** A record, not yet in the store, of bytes that are stored under `id`. Throws 400 when they do not suit the purpose. */
  describe(id: string, sizeBytes: number, fields: FileFields): Promise<FileRecord>;
  find(id: string): Promise<FileRecord | null>;
  /** Throws 404. */
  get(id: string): Promise<FileRecord>;
  content(id: string): AsyncIterable<Uint8Array>;
  /** Throws 404. */
  remove(id: string): Promise<void>;
  /** Whether there is such a file, or a job that keeps the content of one that there was. */
  isWanted(id: string): Promise<boolean>;
  /** Removes the content that nobody wants any more. */
  discardUnwanted(ids: readonly string[]): Promise<void>;
}

export interface FileServiceOptions {
  store: Store;
  storage: FileStorage;
  clock: Clock;
}

export const notFound = (id: string) =>
  new WireError("file_not_found", null, `No such File object: ${id}`, { param: "id" });

export function createFileService({ store, storage, clock }: FileServiceOptions): FileService {
  const isExpired = ({ expiresAt }: FileRecord) => expiresAt !== null && Date.parse(expiresAt) <= clock.now();

  async function erase(id: string): Promise<boolean> {
    const found = await store.deleteFile(id);
    if (!(await isFileNeeded(store, id))) await storage.remove(id);
    return found;
  }

  const isWanted = async (id: string) => (await find(id)) !== null || isFileNeeded(store, id);

  async function describe(id: string, sizeBytes: number, { filename, purpose, seconds }: FileFields) {
    const rows = purpose === "fine-tune" ? await checkJsonl(storage.read(id)) : null;
    const expiresAt = seconds === null ? null : new Date(clock.now() + seconds * 1000).toISOString();
    return { id, filename, purpose, sizeBytes, createdAt: timestampOf(clock), expiresAt, rows };
  }

  async function find(id: string): Promise<FileRecord | null> {
    const file = await store.getFile(id);
    if (!file || !isExpired(file)) return file;
    await erase(id);
    return null;
  }

  async function get(id: string): Promise<FileRecord> {
    const file = await find(id);
    if (file) return file;
    throw notFound(id);
  }

  return {
    async create(receive, maxBytes) {
      const id = newFileId();
      let sizeBytes = 0;
      try {
        const fields = await receive(async (chunks) => {
          sizeBytes = (await storage.write(id, chunks, maxBytes)).bytes;
        });
        const file = await describe(id, sizeBytes, fields);
        await store.putFile(file);
        return file;
      } catch (error) {
        await storage.remove(id);
        throw error;
      }
    },
    describe,
    find,
    get,
    content: (id) => storage.read(id),
    async remove(id) {
      await get(id);
      if (!(await erase(id))) throw notFound(id);
    },
    isWanted,
    async discardUnwanted(ids) {
      for (const id of ids) if (!(await isWanted(id))) await storage.remove(id);
    },
  };
}
