/** API keys and projects in memory: the part of `memory.ts` that says who may ask. */
import type { KeyRecord, KeyRecords, ProjectRecord } from "../key-records.ts";

export function createMemoryKeys(): KeyRecords {
  const projects = new Map<string, ProjectRecord>();
  const keys = new Map<string, KeyRecord>();

  return {
    async putProject(project) {
      if (!projects.has(project.name)) projects.set(project.name, { ...project });
      return { ...projects.get(project.name)! };
    },
    listProjects: async () => structuredClone([...projects.values()]),
    createKey: async (key) => void keys.set(key.id, { ...key }),
    getKey: async (id) => structuredClone(keys.get(id)) ?? null,
    listKeys: async () => structuredClone([...keys.values()]),
    hasKeys: async () => keys.size > 0,
    async revokeKey(id, revokedAt) {
      const key = keys.get(id);
      if (key) key.revokedAt ??= revokedAt;
      return key !== undefined;
    },
    async markKeyUsed(id, lastUsedAt) {
      const key = keys.get(id);
      if (key) key.lastUsedAt = lastUsedAt;
    },
  };
}
