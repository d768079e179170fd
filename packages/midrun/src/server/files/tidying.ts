/** Removes content that nothing refers to: after a kill of the server, and when a job has ended that kept a deleted file. */
import type { Store } from "../store.ts";
import type { FileService } from "./file-service.ts";
import { uploadsOf } from "./needed-files.ts";
import type { FileStorage } from "./storage.ts";
import type { UploadService } from "./upload-service.ts";

export interface Tidying {
  /** Call it before anything is written. A disk that refuses is told of, and stops nothing. */
  atStart(): Promise<void>;
  afterJob(jobId: string): void;
  /** Resolves when nothing is under way. */
  done(): Promise<void>;
}

export interface TidyingOptions {
  store: Store;
  storage: FileStorage;
  files: FileService;
  uploads: UploadService;
  onError: (error: unknown) => void;
}

export function createTidying({ store, storage, files, uploads, onError }: TidyingOptions): Tidying {
  let last = Promise.resolve();

  async function sweep(): Promise<void> {
    const parts = new Set(await uploads.pendingParts());
    await storage.sweep(async (name) => parts.has(name) || files.isWanted(name));
  }

  async function discardDataOf(jobId: string): Promise<void> {
    const job = await store.getJob(jobId);
    if (job) await files.discardUnwanted(uploadsOf(job.spec));
  }

  return {
    atStart: () => sweep().catch(onError),
    afterJob(jobId) {
      last = last.then(() => discardDataOf(jobId)).catch(onError);
    },
    done: () => last,
  };
}
