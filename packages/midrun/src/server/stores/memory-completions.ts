/** Kept chat completions in memory: a part of `memory.ts`. */
import type { CompletionRecord, CompletionRecords } from "../completion-records.ts";
import { isOf } from "./memory-files.ts";

export function createMemoryCompletions(): CompletionRecords {
  const records = new Map<string, CompletionRecord>();
  return {
    putCompletion: async (record) => void records.set(record.id, structuredClone(record)),
    getCompletion: async (id) => structuredClone(records.get(id)) ?? null,
    async listCompletions({ after, limit, order, projectId }) {
      const all = order === "asc" ? [...records.values()] : [...records.values()].reverse();
      const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
      if (after !== undefined && start === 0) return { data: [], hasMore: false };
      const rest = all.slice(start).filter((record) => isOf(projectId, record));
      return { data: structuredClone(rest.slice(0, limit)), hasMore: rest.length > limit };
    },
    deleteCompletion: async (id) => records.delete(id),
  };
}
