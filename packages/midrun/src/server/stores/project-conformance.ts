/** What every `Store` must do so that projects see what is theirs: a part of `conformance.ts`. */
import { describe, expect, it } from "vitest";
import type { FileRecord } from "../file-records.ts";
import type { NewJob, Store, StoredArtifact } from "../store.ts";

const createdAt = "2026-01-02T03:04:05.000Z";

type Add = (id: string, overrides?: Partial<NewJob>) => Promise<unknown>;

const file = (id: string, projectId?: string): FileRecord => ({
  id,
  ...(projectId === undefined ? {} : { projectId }),
  filename: "a.jsonl",
  purpose: "fine-tune",
  sizeBytes: 1,
  createdAt,
  expiresAt: null,
  rows: 1,
});

const checkpoint: StoredArtifact = { kind: "checkpoint", step: 2, path: "/c", files: [], createdAt, metrics: null };
const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id).join();

export function projectConformance(current: () => Store, add: Add): void {
  describe("projects", () => {
    it("own jobs, the default one those without", async () => {
      const store = current();
      await add("a", { projectId: "proj_x" });
      await add("b");
      await add("c", { projectId: "proj_x" });
      expect((await store.getJob("a"))?.projectId).toBe("proj_x");
      expect((await store.getJob("b"))?.projectId).toBe("proj_default");
      expect(idsOf(await store.listJobs({ limit: 9, projectId: "proj_x" }))).toBe("c,a");
      expect(idsOf(await store.listJobs({ limit: 9, projectId: "proj_default", status: ["queued"] }))).toBe("b");
      expect(await store.listJobs({ limit: 1, projectId: "proj_x" })).toMatchObject({ hasMore: true });
      expect(await store.listJobs({ limit: 1, projectId: "proj_x", after: "c" })).toMatchObject({ hasMore: false });
      expect(idsOf(await store.listJobs({ limit: 9 }))).toBe("c,b,a");
    });

    it("see the models of their jobs", async () => {
      const store = current();
      await add("a", { projectId: "proj_x", model: "org/x" });
      await add("b");
      for (const id of ["a", "b"]) await store.changeJob(id, { from: ["queued"], artifacts: [checkpoint] });
      const namesOf = async (projectId?: string) => (await store.listModels(projectId)).map(({ name }) => name);
      expect(await namesOf("proj_x")).toEqual(["org/x", "ft:org/base:midrun:run:a:ckpt-step-2"]);
      expect(await namesOf("proj_default")).toEqual(["org/base", "ft:org/base:midrun:run:b:ckpt-step-2"]);
      expect(await namesOf("proj_none")).toEqual([]);
      expect(await namesOf()).toHaveLength(4);
    });

    it("own files, uploads and kept completions", async () => {
      const store = current();
      await store.putFile(file("f1", "proj_x"));
      await store.putFile(file("f2"));
      expect(await store.getFile("f1")).toEqual(file("f1", "proj_x"));
      expect(idsOf(await store.listFiles({ limit: 9, order: "asc", projectId: "proj_x" }))).toBe("f1");
      expect(idsOf(await store.listFiles({ limit: 9, order: "asc", projectId: "proj_default" }))).toBe("f2");
      expect(idsOf(await store.listFiles({ limit: 9, order: "asc" }))).toBe("f1,f2");
      const completion = { createdAt, metadata: null, completion: {} as never, request: {}, requestId: "r" };
      await store.putCompletion({ ...completion, id: "c1", projectId: "proj_x" });
      await store.putCompletion({ ...completion, id: "c2" });
      expect(idsOf(await store.listCompletions({ limit: 9, order: "asc", projectId: "proj_x" }))).toBe("c1");
      expect(idsOf(await store.listCompletions({ limit: 9, order: "asc", projectId: "proj_default" }))).toBe("c2");
      expect(idsOf(await store.listCompletions({ limit: 9, order: "desc", projectId: "proj_x", after: "c2" }))).toBe(
        "c1",
      );
    });
  });
}
