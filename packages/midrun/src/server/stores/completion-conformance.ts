/** What every `Store` must do with kept chat completions: a part of `conformance.ts`. */
import { describe, expect, it } from "vitest";
import type { CompletionRecord, CompletionRecords, ListCompletions } from "../completion-records.ts";

const record = (id: string, overrides: Partial<CompletionRecord> = {}): CompletionRecord => ({
  id,
  createdAt: "2026-01-02T03:04:05.000Z",
  metadata: null,
  completion: {
    id,
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [],
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
  },
  request: { model: "m", messages: [{ role: "user", content: "naïve \u2028 \ud83d\ude00" }] },
  requestId: "req_1",
  ...overrides,
});

export function completionConformance(current: () => CompletionRecords): void {
  describe("kept completions", () => {
    it("are found as they were put, replaced, and deleted once", async () => {
      const store = current();
      expect(await store.getCompletion("a")).toBeNull();
      await store.putCompletion(record("a"));
      await store.putCompletion(record("b"));
      const changed = record("a", { metadata: { k: "" } });
      await store.putCompletion(changed);
      expect(await store.getCompletion("a")).toEqual(changed);
      expect((await store.listCompletions({ limit: 9, order: "asc" })).data).toEqual([changed, record("b")]);
      expect(await store.deleteCompletion("a")).toBe(true);
      expect(await store.deleteCompletion("a")).toBe(false);
      expect(await store.getCompletion("a")).toBeNull();
    });

    it("are listed in pages, either way round", async () => {
      const store = current();
      for (const id of ["1", "2", "3"]) await store.putCompletion(record(id));
      const ids = async (options: Partial<ListCompletions>) => {
        const { data, hasMore } = await store.listCompletions({ limit: 9, order: "asc", ...options });
        return [data.map(({ id }) => id).join(), hasMore];
      };
      expect(await ids({ limit: 2 })).toEqual(["1,2", true]);
      expect(await ids({ limit: 3 })).toEqual(["1,2,3", false]);
      expect(await ids({ after: "1" })).toEqual(["2,3", false]);
      expect(await ids({ after: "3", order: "desc", limit: 1 })).toEqual(["2", true]);
      expect(await ids({ after: "x" })).toEqual(["", false]);
    });
  });
}
