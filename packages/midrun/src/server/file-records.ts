/** What the store keeps of files, uploads and checkpoint permissions. Their bytes are elsewhere: `files/storage.ts`. */

export interface FileRecord {
  id: string;
  /** Project that owns it. Default: the default project. */
  projectId?: string;
  filename: string;
  purpose: string;
  sizeBytes: number;
  /** ISO 8601, as every time here. */
  createdAt: string;
  expiresAt: string | null;
  /** Rows of a JSONL file for fine-tuning; null for other purposes. */
  rows: number | null;
}

export interface ListFiles {
  /** Give files after the one with this id; an unknown id gives an empty page. */
  after?: string;
  limit: number;
  purpose?: string;
  order: "asc" | "desc";
  /** Only this project's. Default: everybody's. */
  projectId?: string;
}

export interface UploadRecord {
  id: string;
  /** Project that owns it. Default: the default project. */
  projectId?: string;
  filename: string;
  purpose: string;
  sizeBytes: number;
  createdAt: string;
  expiresAt: string;
  /** Lifetime of the file to be made; null: for ever. */
  fileSeconds: number | null;
  status: "pending" | "completed" | "cancelled" | "expired";
  /** Once completed. */
  fileId: string | null;
}

export interface PartRecord {
  id: string;
  uploadId: string;
  sizeBytes: number;
  createdAt: string;
}

export interface PermissionRecord {
  id: string;
  /** Model name of the checkpoint. */
  checkpoint: string;
  projectId: string;
  createdAt: string;
}

/** Every promise resolves when the data is on disk (where there is one). */
export interface FileRecords {
  /** In place of an older one with the same id. */
  putFile(file: FileRecord): Promise<void>;
  getFile(id: string): Promise<FileRecord | null>;
  listFiles(options: ListFiles): Promise<{ data: FileRecord[]; hasMore: boolean }>;
  /** False: there was none. */
  deleteFile(id: string): Promise<boolean>;
  createUpload(upload: UploadRecord): Promise<void>;
  getUpload(id: string): Promise<UploadRecord | null>;
  listPendingUploads(): Promise<UploadRecord[]>;
  /** Ends a pending upload, and puts its file in the same step. False: it was not pending any more. */
  endUpload(
    id: string,
    end: { status: "cancelled" | "expired" } | { status: "completed"; file: FileRecord },
  ): Promise<boolean>;
  /** False: the upload is not pending. */
  addPart(part: PartRecord): Promise<boolean>;
  /** In order of arrival. */
  listParts(uploadId: string): Promise<PartRecord[]>;
  addPermissions(permissions: readonly PermissionRecord[]): Promise<void>;
  /** Oldest first. */
  listPermissions(checkpoint: string): Promise<PermissionRecord[]>;
  /** False: there was none. */
  deletePermission(checkpoint: string, id: string): Promise<boolean>;
}
