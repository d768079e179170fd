/** Files, uploads and permissions in memory: the part of `memory.ts` that is not about jobs. */

import type { FileRecord, FileRecords, PartRecord, PermissionRecord, UploadRecord } from "../file-records.ts";
import { defaultProject } from "../key-records.ts";

/** Whether a record belongs to the project; undefined: any. */
export function isOf(projectId: string | undefined, record: { projectId?: string }): boolean {
  return projectId === undefined || (record.projectId ?? defaultProject.id) === projectId;
}

export function createMemoryFiles(): FileRecords {
  const files = new Map<string, FileRecord>();
  const uploads = new Map<string, UploadRecord>();
  const parts: PartRecord[] = [];
  let permissions: PermissionRecord[] = [];
  const pendingUpload = (id: string) => {
    const upload = uploads.get(id);
    return upload?.status === "pending" ? upload : undefined;
  };

  return {
    putFile: async (file) => void files.set(file.id, structuredClone(file)),
    getFile: async (id) => structuredClone(files.get(id)) ?? null,
    async listFiles({ after, limit, purpose, order, projectId }) {
      const all = order === "asc" ? [...files.values()] : [...files.values()].reverse();
      const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
      if (after !== undefined && start === 0) return { data: [], hasMore: false };
      const wanted = all
        .slice(start)
        .filter((file) => (purpose === undefined || file.purpose === purpose) && isOf(projectId, file));
      return { data: structuredClone(wanted.slice(0, limit)), hasMore: wanted.length > limit };
    },
    deleteFile: async (id) => files.delete(id),

    createUpload: async (upload) => void uploads.set(upload.id, structuredClone(upload)),
    getUpload: async (id) => structuredClone(uploads.get(id)) ?? null,
    listPendingUploads: async () => structuredClone([...uploads.values()].filter(({ status }) => status === "pending")),
    async endUpload(id, end) {
      const upload = pendingUpload(id);
      if (!upload) return false;
      upload.status = end.status;
      if (end.status === "completed") {
        upload.fileId = end.file.id;
        files.set(end.file.id, structuredClone(end.file));
      }
      return true;
    },
    async addPart(part) {
      if (!pendingUpload(part.uploadId)) return false;
      parts.push(structuredClone(part));
      return true;
    },
    listParts: async (uploadId) => structuredClone(parts.filter((part) => part.uploadId === uploadId)),

    addPermissions: async (added) => void permissions.push(...structuredClone([...added])),
    listPermissions: async (checkpoint) =>
      structuredClone(permissions.filter((permission) => permission.checkpoint === checkpoint)),
    async deletePermission(checkpoint, id) {
      const kept = permissions.filter((each) => each.id !== id || each.checkpoint !== checkpoint);
      const found = kept.length < permissions.length;
      permissions = kept;
      return found;
    },
  };
}
