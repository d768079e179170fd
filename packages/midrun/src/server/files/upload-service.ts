/** Files too large for one request: parts come in any order, in parallel, and become one file at the end. */
import { type Clock, timestampOf } from "../clock.ts";
import type { FileRecord, FileRecords, PartRecord, UploadRecord } from "../file-records.ts";
import { newFileId, newPartId, newUploadId } from "../ids.ts";
import { badRequest, WireError } from "../wire-error.ts";
import type { FileFields, FileService } from "./file-service.ts";
import type { FileStorage } from "./storage.ts";

const lifetimeMs = 60 * 60 * 1000;

export interface UploadService {
  create(fields: FileFields & { sizeBytes: number }): Promise<UploadRecord>;
  /** Throws 404; 400 when the upload has ended or expired; `payload_too_large`. */
  addPart(uploadId: string, chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<PartRecord>;
  /** One file of these parts, in this order. Throws 404; 400 when they are not what was announced. */
  complete(
    uploadId: string,
    partIds: string[],
    md5: string | null,
  ): Promise<{ upload: UploadRecord; file: FileRecord }>;
  /** Throws 404; 400 when the upload has ended or expired. */
  cancel(uploadId: string): Promise<UploadRecord>;
  isExpired(upload: UploadRecord): boolean;
  /** Ids of the parts that may still become files. */
  pendingParts(): Promise<string[]>;
}

export interface UploadServiceOptions {
  store: FileRecords;
  storage: FileStorage;
  files: FileService;
  clock: Clock;
}

const refuseEnded = ({ id }: UploadRecord, status: string) =>
  badRequest(`Upload ${id} is ${status}: it takes no parts and cannot be completed or cancelled.`, "upload_id");

export function createUploadService({ store, storage, files, clock }: UploadServiceOptions): UploadService {
  const isExpired = ({ status, expiresAt }: UploadRecord) =>
    status === "expired" || (status === "pending" && Date.parse(expiresAt) <= clock.now());

  async function get(id: string): Promise<UploadRecord> {
    const upload = await store.getUpload(id);
    if (upload) return upload;
    throw new WireError("file_not_found", null, `No such Upload object: ${id}`, { param: "upload_id" });
  }

  async function getPending(id: string): Promise<UploadRecord> {
    const upload = await get(id);
    if (isExpired(upload)) throw refuseEnded(upload, "expired");
    if (upload.status !== "pending") throw refuseEnded(upload, upload.status);
    return upload;
  }

  async function removeParts(uploadId: string): Promise<void> {
    for (const { id } of await store.listParts(uploadId)) await storage.remove(id);
  }

  /** Nobody ends an upload that was given up: whoever begins another one clears its parts away. */
  async function endExpired(): Promise<void> {
    for (const upload of (await store.listPendingUploads()).filter(isExpired)) {
      if (await store.endUpload(upload.id, { status: "expired" })) await removeParts(upload.id);
    }
  }

  async function* joined(parts: readonly PartRecord[]): AsyncGenerator<Uint8Array> {
    for (const { id } of parts) yield* storage.read(id);
  }

  async function pickParts(upload: UploadRecord, partIds: string[]): Promise<PartRecord[]> {
    const known = new Map((await store.listParts(upload.id)).map((part) => [part.id, part]));
    if (new Set(partIds).size < partIds.length) throw badRequest("part_ids names a part twice.", "part_ids");
    const parts = partIds.map((id) => {
      const part = known.get(id);
      if (!part) throw badRequest(`Upload ${upload.id} has no part ${id}.`, "part_ids");
      return part;
    });
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    if (sizeBytes === upload.sizeBytes) return parts;
    throw badRequest(
      `The parts have ${sizeBytes} bytes together; the upload was created for ${upload.sizeBytes}.`,
      "part_ids",
    );
  }

  async function makeFile(upload: UploadRecord, parts: readonly PartRecord[], md5: string | null): Promise<FileRecord> {
    const id = newFileId();
    try {
      const written = await storage.write(id, joined(parts), upload.sizeBytes);
      if (md5 !== null && md5.toLowerCase() !== written.md5) {
        throw badRequest(`The content has the MD5 checksum ${written.md5}, expected ${md5}.`, "md5");
      }
      return await files.describe(id, written.bytes, { ...upload, seconds: upload.fileSeconds });
    } catch (error) {
      await storage.remove(id);
      throw error;
    }
  }

  return {
    async create({ filename, purpose, seconds, sizeBytes }) {
      await endExpired();
      const upload: UploadRecord = {
        id: newUploadId(),
        filename,
        purpose,
        sizeBytes,
        createdAt: timestampOf(clock),
        expiresAt: new Date(clock.now() + lifetimeMs).toISOString(),
        fileSeconds: seconds,
        status: "pending",
        fileId: null,
      };
      await store.createUpload(upload);
      return upload;
    },

    async addPart(uploadId, chunks, maxBytes) {
      const upload = await getPending(uploadId);
      const id = newPartId();
      const { bytes: sizeBytes } = await storage.write(id, chunks, maxBytes);
      const part = { id, uploadId, sizeBytes, createdAt: timestampOf(clock) };
      if (await store.addPart(part)) return part;
      await storage.remove(id);
      throw refuseEnded(upload, (await get(uploadId)).status);
    },

    async complete(uploadId, partIds, md5) {
      const upload = await getPending(uploadId);
      const file = await makeFile(upload, await pickParts(upload, partIds), md5);
      if (!(await store.endUpload(uploadId, { status: "completed", file }))) {
        await storage.remove(file.id);
        throw refuseEnded(upload, (await get(uploadId)).status);
      }
      await removeParts(uploadId);
      return { upload: await get(uploadId), file };
    },

    async cancel(uploadId) {
      const upload = await getPending(uploadId);
      if (!(await store.endUpload(uploadId, { status: "cancelled" }))) {
        throw refuseEnded(upload, (await get(uploadId)).status);
      }
      await removeParts(uploadId);
      return get(uploadId);
    },

    isExpired,

    async pendingParts() {
      await endExpired();
      const parts = (await store.listPendingUploads()).map(({ id }) => store.listParts(id));
      return (await Promise.all(parts)).flat().map(({ id }) => id);
    },
  };
}
