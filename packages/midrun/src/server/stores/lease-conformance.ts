/** What every `Store` must do so that two schedulers, or a scheduler and a ghost, never both train a job: a part of `conformance.ts`. */
import { describe, expect, it } from "vitest";
import type { JobChange, NewJob, Store } from "../store.ts";

const startedAt = "2026-01-02T03:04:05.000Z";
const later = "2026-01-02T03:04:06.000Z";

type Add = (id: string, overrides?: Partial<NewJob>) => Promise<unknown>;

export function leaseConformance(current: () => Store, add: Add): void {
  describe("leases", () => {
    const claim = (holder: string, among?: string[]) =>
      current().claimJob({ holder, startedAt, ...(among ? { among } : {}) });

    it("go with a queued job, which then runs, and are never given twice", async () => {
      for (const id of ["a", "b"]) await add(id);
      const claims = await Promise.all(["x", "y", "z"].map((holder) => claim(holder)));
      expect(claims.map((job) => job?.id).sort()).toEqual(["a", "b", undefined]);
      expect(claims[0]).toMatchObject({
        status: "running",
        startedAt,
        lease: { holder: "x", token: 1, beat: 0 },
      });
      expect(await current().getJob(claims[0]!.id)).toEqual(claims[0]);
      expect(await current().nextQueued()).toBeNull();
    });

    it("can be asked for certain jobs, and pass over those that are held", async () => {
      await add("a");
      await add("b");
      await add("c", { held: true });
      expect((await claim("x", ["b", "c"]))?.id).toBe("b");
      expect(await claim("x", ["c"])).toBeNull();
      expect(await claim("x", [])).toBeNull();
    });

    it("count up each time, and leave the first start as it was", async () => {
      await add("a");
      await claim("x");
      await current().changeJob("a", { from: ["running"], set: { status: "queued" } });
      const again = await current().claimJob({ holder: "y", startedAt: later });
      expect(again).toMatchObject({ startedAt, lease: { holder: "y", token: 2, beat: 0 } });
    });

    it("that were lost let nothing through: no status, no event, no artifact, no key", async () => {
      await add("a");
      await claim("x");
      await current().takeOver("a", 1, "y");
      const before = await current().getJob("a");
      const about = { path: "/c", files: [], createdAt: later, metrics: null };
      const change: JobChange = {
        from: ["running"],
        lease: 1,
        set: { status: "completed", step: 9 },
        artifacts: [{ kind: "checkpoint", step: 2, ...about }],
        events: [{ type: "training.warning", message: "a ghost", timestamp: later }],
        enqueue: true,
        key: { key: "k", fingerprint: "f" },
      };
      expect(await current().changeJob("a", change)).toEqual({ outcome: "fenced", status: "running", events: [] });
      expect(await current().changeJob("a", { ...change, lease: 3 })).toMatchObject({ outcome: "fenced" });
      expect(await current().getJob("a")).toEqual(before);
      expect(await current().listEvents("a", { after: 1, limit: 9 })).toEqual([]);
      expect(await current().findKey({ key: "k", fingerprint: "f" })).toBeNull();
      expect(await current().changeJob("a", { ...change, lease: 2 })).toMatchObject({ outcome: "applied" });
      expect(await current().getJob("a")).toMatchObject({ status: "completed", step: 9, lease: { token: 2 } });
    });

    it("are taken over by one of those who saw them end", async () => {
      await add("a");
      await claim("x");
      const takers = await Promise.all(["y", "z"].map((holder) => current().takeOver("a", 1, holder)));
      expect(takers.map((job) => job?.lease)).toEqual([{ holder: "y", token: 2, beat: 0 }, undefined]);
      expect(takers[0]).toEqual(await current().getJob("a"));
      await current().changeJob("a", { from: ["running"], lease: 2, set: { status: "paused" } });
      expect(await current().takeOver("a", 2, "z")).toBeNull();
      expect(await current().takeOver("nothing", 1, "z")).toBeNull();
    });

    it("show that their holder lives, and bring it the commands of others", async () => {
      await add("a");
      await claim("x");
      expect(await current().beat("a", 1)).toEqual({ requested: null });
      await current().changeJob("a", { from: ["running"], set: { requested: "cancel" } });
      expect(await current().beat("a", 1)).toEqual({ requested: "cancel" });
      expect((await current().getJob("a"))?.lease).toEqual({ holder: "x", token: 1, beat: 2 });
      expect(await current().beat("a", 2)).toBeNull();
      await current().takeOver("a", 1, "y");
      expect(await current().beat("a", 1)).toBeNull();
      await current().changeJob("a", { from: ["running"], set: { status: "paused" } });
      expect(await current().beat("a", 2)).toBeNull();
    });
  });
}
