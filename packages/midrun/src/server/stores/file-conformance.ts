/** What every `Store` must do with the records of files, uploads and permissions: a part of `conformance.ts`. */
import { describe, expect, it } from "vitest";
import type { FileRecord, FileRecords, PermissionRecord, UploadRecord } from "../file-records.ts";

const createdAt = "2026-01-02T03:04:05.000Z";

const file = (id: string, overrides: Partial<FileRecord> = {}): FileRecord => ({
  id,
  filename: "naïve.jsonl",
  purpose: "fine-tune",
  sizeBytes: 12,
  createdAt,
  expiresAt: null,
  rows: 3,
  ...overrides,
});

const upload = (id: string): UploadRecord => ({
  id,
  filename: "big.jsonl",
  purpose: "fine-tune",
  sizeBytes: 20,
  createdAt,
  expiresAt: createdAt,
  fileSeconds: 3600,
  status: "pending",
  fileId: null,
});

const permission = (id: string, checkpoint: string): PermissionRecord => ({
  id,
  checkpoint,
  projectId: `proj-${id}`,
  createdAt,
});

export function fileConformance(current: () => FileRecords): void {
  describe("files", () => {
    it("are found as they were put, replaced, and deleted once", async () => {
      const store = current();
      expect(await store.getFile("a")).toBeNull();
      await store.putFile(file("a"));
      await store.putFile(file("b"));
      await store.putFile(file("a", { sizeBytes: 99, expiresAt: createdAt, rows: null }));
      expect(await store.getFile("a")).toEqual(file("a", { sizeBytes: 99, expiresAt: createdAt, rows: null }));
      expect((await store.listFiles({ limit: 9, order: "asc" })).data.map(({ id }) => id)).toEqual(["a", "b"]);
      expect(await store.deleteFile("a")).toBe(true);
      expect(await store.deleteFile("a")).toBe(false);
      expect(await store.getFile("a")).toBeNull();
    });

    it("are listed in pages, either way round, by purpose", async () => {
      const store = current();
      for (const id of ["1", "2", "3"]) await store.putFile(file(id));
      await store.putFile(file("4", { purpose: "batch" }));
      const ids = async (options: Partial<Parameters<FileRecords["listFiles"]>[0]>) => {
        const { data, hasMore } = await store.listFiles({ limit: 9, order: "desc", ...options });
        return [data.map(({ id }) => id).join(), hasMore];
      };
      expect(await ids({ limit: 3 })).toEqual(["4,3,2", true]);
      expect(await ids({ limit: 4 })).toEqual(["4,3,2,1", false]);
      expect(await ids({ after: "2" })).toEqual(["1", false]);
      expect(await ids({ after: "2", order: "asc" })).toEqual(["3,4", false]);
      expect(await ids({ purpose: "fine-tune", limit: 2 })).toEqual(["3,2", true]);
      expect(await ids({ purpose: "vision" })).toEqual(["", false]);
      expect(await ids({ after: "x" })).toEqual(["", false]);
    });
  });

  describe("uploads", () => {
    it("take parts until they are complete, and end once", async () => {
      const store = current();
      await store.createUpload(upload("u"));
      expect(await store.getUpload("u")).toEqual(upload("u"));
      for (const id of ["p1", "p2"]) {
        expect(await store.addPart({ id, uploadId: "u", sizeBytes: 1, createdAt })).toBe(true);
      }
      expect((await store.listParts("u")).map(({ id }) => id)).toEqual(["p1", "p2"]);
      const ends = [1, 2].map((n) => store.endUpload("u", { status: "completed", file: file(`f${n}`) }));
      expect(await Promise.all(ends)).toEqual([true, false]);
      expect(await store.getUpload("u")).toEqual({ ...upload("u"), status: "completed", fileId: "f1" });
      expect([await store.getFile("f1"), await store.getFile("f2")]).toEqual([file("f1"), null]);
      expect(await store.addPart({ id: "p3", uploadId: "u", sizeBytes: 1, createdAt })).toBe(false);
      expect(await store.endUpload("u", { status: "cancelled" })).toBe(false);
    });

    it("can be cancelled, and need not exist", async () => {
      const store = current();
      await store.createUpload(upload("u"));
      expect(await store.endUpload("u", { status: "cancelled" })).toBe(true);
      expect(await store.getUpload("u")).toMatchObject({ status: "cancelled", fileId: null });
      expect(await store.getUpload("x")).toBeNull();
      expect(await store.endUpload("x", { status: "cancelled" })).toBe(false);
      expect(await store.addPart({ id: "p", uploadId: "x", sizeBytes: 1, createdAt })).toBe(false);
      expect(await store.listParts("x")).toEqual([]);
    });
  });

  describe("pending uploads", () => {
    it("are those that have not ended", async () => {
      const store = current();
      expect(await store.listPendingUploads()).toEqual([]);
      for (const id of ["u1", "u2", "u3", "u4"]) await store.createUpload(upload(id));
      await store.endUpload("u1", { status: "cancelled" });
      await store.endUpload("u3", { status: "expired" });
      await store.endUpload("u4", { status: "completed", file: file("f") });
      expect(await store.listPendingUploads()).toEqual([upload("u2")]);
      expect(await store.getUpload("u3")).toMatchObject({ status: "expired", fileId: null });
    });
  });

  describe("checkpoint permissions", () => {
    it("belong to their checkpoint", async () => {
      const store = current();
      await store.addPermissions([permission("1", "c"), permission("2", "c"), permission("3", "d")]);
      expect(await store.listPermissions("c")).toEqual([permission("1", "c"), permission("2", "c")]);
      expect(await store.deletePermission("c", "3")).toBe(false);
      expect(await store.deletePermission("c", "1")).toBe(true);
      expect(await store.deletePermission("c", "1")).toBe(false);
      expect((await store.listPermissions("c")).map(({ id }) => id)).toEqual(["2"]);
      expect(await store.listPermissions("d")).toHaveLength(1);
    });
  });
}
