/** Files, uploads and permissions in SQLite: the part of `sqlite.ts` that is not about jobs. Records are JSON. */
import type { SQLInputValue } from "node:sqlite";
import type { FileRecord, FileRecords, PartRecord, PermissionRecord, UploadRecord } from "../file-records.ts";
import { defaultProject } from "../key-records.ts";
import type { Statements } from "./sqlite-statements.ts";

type RecordRow = { record: string };

const fromRow = <T>({ record }: RecordRow): T => JSON.parse(record) as T;

/** Condition on the project of a record; older records name none. */
export const ofProject = `coalesce(record ->> '$.projectId', '${defaultProject.id}') = ?`;

/** `transaction`: all of it is stored, or nothing. */
export function createSqliteFiles({ run, get, all }: Statements, transaction: <T>(work: () => T) => T): FileRecords {
  // An update, so that a file keeps its place in the order.
  const putFile = (file: FileRecord) =>
    run(
      `INSERT INTO files (id, purpose, record) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET purpose = excluded.purpose, record = excluded.record`,
      ...[file.id, file.purpose, JSON.stringify(file)],
    );

  const readUpload = (id: string): UploadRecord | null => {
    const row = get<RecordRow>("SELECT record FROM uploads WHERE id = ?", id);
    return row ? fromRow(row) : null;
  };

  return {
    putFile: async (file) => void putFile(file),
    getFile: async (id) => {
      const row = get<RecordRow>("SELECT record FROM files WHERE id = ?", id);
      return row ? fromRow(row) : null;
    },
    async listFiles({ after, limit, purpose, order, projectId }) {
      const conditions = ["1"];
      const values: SQLInputValue[] = [];
      if (after !== undefined) {
        conditions.push(`seq ${order === "asc" ? ">" : "<"} (SELECT seq FROM files WHERE id = ?)`);
        values.push(after);
      }
      if (purpose !== undefined) {
        conditions.push("purpose = ?");
        values.push(purpose);
      }
      if (projectId !== undefined) {
        conditions.push(ofProject);
        values.push(projectId);
      }
      const where = `WHERE ${conditions.join(" AND ")} ORDER BY seq ${order === "asc" ? "ASC" : "DESC"} LIMIT ?`;
      const rows = all<RecordRow>(`SELECT record FROM files ${where}`, ...values, limit + 1);
      return { data: rows.slice(0, limit).map((row) => fromRow<FileRecord>(row)), hasMore: rows.length > limit };
    },
    deleteFile: async (id) => run("DELETE FROM files WHERE id = ?", id).changes > 0,

    createUpload: async (upload) => void run("INSERT INTO uploads VALUES (?, ?)", upload.id, JSON.stringify(upload)),
    getUpload: async (id) => readUpload(id),
    listPendingUploads: async () =>
      all<RecordRow>("SELECT record FROM uploads WHERE record ->> '$.status' = 'pending'").map((row) =>
        fromRow<UploadRecord>(row),
      ),
    endUpload: async (id, end) =>
      transaction(() => {
        const upload = readUpload(id);
        if (upload?.status !== "pending") return false;
        const fileId = end.status === "completed" ? end.file.id : null;
        const ended: UploadRecord = { ...upload, status: end.status, fileId };
        run("UPDATE uploads SET record = ? WHERE id = ?", JSON.stringify(ended), id);
        if (end.status === "completed") putFile(end.file);
        return true;
      }),
    addPart: async (part) =>
      transaction(() => {
        if (readUpload(part.uploadId)?.status !== "pending") return false;
        run("INSERT INTO upload_parts (upload_id, record) VALUES (?, ?)", part.uploadId, JSON.stringify(part));
        return true;
      }),
    listParts: async (uploadId) =>
      all<RecordRow>("SELECT record FROM upload_parts WHERE upload_id = ? ORDER BY seq", uploadId).map((row) =>
        fromRow<PartRecord>(row),
      ),

    addPermissions: async (permissions) =>
      transaction(() => {
        for (const permission of permissions) {
          const { id, checkpoint } = permission;
          run(
            "INSERT INTO checkpoint_permissions (id, checkpoint, record) VALUES (?, ?, ?)",
            ...[id, checkpoint, JSON.stringify(permission)],
          );
        }
      }),
    listPermissions: async (checkpoint) =>
      all<RecordRow>("SELECT record FROM checkpoint_permissions WHERE checkpoint = ? ORDER BY seq", checkpoint).map(
        (row) => fromRow<PermissionRecord>(row),
      ),
    deletePermission: async (checkpoint, id) =>
      run("DELETE FROM checkpoint_permissions WHERE checkpoint = ? AND id = ?", checkpoint, id).changes > 0,
  };
}
