/** What every `Store` must do with API keys and projects: a part of `conformance.ts`. */
import { describe, expect, it } from "vitest";
import type { KeyRecord, KeyRecords } from "../key-records.ts";

const createdAt = "2026-01-02T03:04:05.000Z";
const later = "2026-01-02T03:04:06.000Z";
const project = { id: "proj_a", name: "naïve", createdAt };

const key = (id: string, overrides: Partial<KeyRecord> = {}): KeyRecord => ({
  id,
  projectId: project.id,
  name: "laptop",
  hash: "ab".repeat(32),
  hint: "wxyz",
  createdAt,
  lastUsedAt: null,
  revokedAt: null,
  ...overrides,
});

export function keyConformance(current: () => KeyRecords): void {
  describe("API keys", () => {
    it("belong to projects, of which there is one of each name", async () => {
      const store = current();
      expect(await store.listProjects()).toEqual([]);
      const same = [project, { ...project, id: "proj_b" }].map((each) => store.putProject(each));
      expect(await Promise.all(same)).toEqual([project, project]);
      await store.putProject({ id: "proj_c", name: "other", createdAt: later });
      expect((await store.listProjects()).map(({ id }) => id)).toEqual(["proj_a", "proj_c"]);
    });

    it("are found as they were made, oldest first", async () => {
      const store = current();
      await store.putProject(project);
      expect([await store.hasKeys(), await store.getKey("k1"), await store.listKeys()]).toEqual([false, null, []]);
      await store.createKey(key("k2"));
      await store.createKey(key("k1", { name: "server" }));
      expect(await store.getKey("k1")).toEqual(key("k1", { name: "server" }));
      expect(await store.listKeys()).toEqual([key("k2"), key("k1", { name: "server" })]);
      expect(await store.hasKeys()).toBe(true);
    });

    it("are revoked for good, at the time of the first revocation, and still count", async () => {
      const store = current();
      await store.putProject(project);
      await store.createKey(key("k1"));
      await store.createKey(key("k2"));
      expect(await store.revokeKey("k1", createdAt)).toBe(true);
      expect(await store.revokeKey("k1", later)).toBe(true);
      expect(await store.revokeKey("x", later)).toBe(false);
      expect(await store.listKeys()).toEqual([key("k1", { revokedAt: createdAt }), key("k2")]);
      await store.revokeKey("k2", later);
      expect(await store.hasKeys()).toBe(true);
    });

    it("remember when they were last used", async () => {
      const store = current();
      await store.putProject(project);
      await store.createKey(key("k1"));
      await store.markKeyUsed("k1", createdAt);
      await store.markKeyUsed("k1", later);
      await store.markKeyUsed("x", later);
      expect(await store.getKey("k1")).toEqual(key("k1", { lastUsedAt: later }));
    });
  });
}
