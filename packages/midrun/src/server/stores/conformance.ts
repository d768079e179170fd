/** What every `Store` must do: run by the tests of each implementation. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StepMetrics } from "../../protocol/event.ts";
import type { JobSpec } from "../../protocol/job.ts";
import type { FineTuningRecord } from "../fine-tuning/record.ts";
import type { JobRecord, NewEvent, NewJob, Store, StoredArtifact } from "../store.ts";
import { completionConformance } from "./completion-conformance.ts";
import { fileConformance } from "./file-conformance.ts";
import { keyConformance } from "./key-conformance.ts";
import { leaseConformance } from "./lease-conformance.ts";
import { projectConformance } from "./project-conformance.ts";

const timestamp = "2026-01-02T03:04:05.000Z";
const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const queued: NewEvent = { type: "training.queued", timestamp };
const warning = (message: string): NewEvent => ({ type: "training.warning", message, timestamp });

export const exampleSpec: JobSpec = {
  name: "run",
  model: "org/base",
  dataset: { type: "inline", rows: [{ text: "naïve \u2028 \u0000 \ud83d\ude00" }] },
  method: "sft",
};

export const exampleMetrics: StepMetrics = {
  step: 3,
  totalSteps: 10,
  loss: 1.25,
  evalLoss: null,
  evalAccuracy: null,
  learningRate: 2e-4,
  epoch: 0.3,
  samplesPerSecond: 8,
  tokensPerSecond: 100,
  gradNorm: 0.1 + 0.2,
  accuracy: 0.5,
  gflops: null,
  mfu: null,
  paddingShare: 0,
  supervisedShare: 1,
};

const exampleFineTuning: FineTuningRecord = {
  trainingFile: "file-a",
  validationFile: null,
  suffix: "naïve",
  method: "supervised",
  asked: { nEpochs: "auto", batchSize: 4, learningRateMultiplier: "auto" },
  resolved: { nEpochs: 3, batchSize: 4, learningRateMultiplier: 2 },
  metadata: { k: "" },
  integrations: [],
  check: null,
  resultFile: "file-r",
  trainedTokens: null,
};

export function newJob(id: string, overrides: Partial<NewJob> = {}): NewJob {
  const { name, model } = exampleSpec;
  return {
    id,
    name,
    model,
    modelName: `ft:${model}:midrun:run:${id}`,
    spec: exampleSpec,
    createdAt: at(0),
    ...overrides,
  };
}

const artifact = (kind: StoredArtifact["kind"], step: number): StoredArtifact => ({
  kind,
  step,
  path: `/jobs/a/${kind}-${step}`,
  files: ["adapter_model.safetensors"],
  createdAt: at(step),
  metrics: { ...exampleMetrics, step },
});

const idsOf = (jobs: { id: string }[]) => jobs.map(({ id }) => id);

/** Runs the suite against the stores that `create` makes; each test gets an empty one. */
export function storeConformance(name: string, create: () => Promise<Store>): void {
  describe(`${name} is a Store`, () => {
    let store: Store;
    const add = (id: string, overrides?: Partial<NewJob>) => store.createJob(newJob(id, overrides), queued);
    const complete = (id: string) =>
      store.changeJob(id, { from: ["queued"], set: { status: "completed", finishedAt: at(9) } });

    beforeEach(async () => {
      store = await create();
    });
    afterEach(() => store.close());

    it("keeps a new job as it was given, queued, with its first event", async () => {
      const { job, events } = await add("job_a");
      const expected: JobRecord = {
        ...newJob("job_a"),
        status: "queued",
        requested: null,
        crashes: 0,
        held: false,
        projectId: "proj_default",
        lease: { holder: null, token: 0, beat: 0 },
        fineTuning: null,
        startedAt: null,
        finishedAt: null,
        step: 0,
        totalSteps: null,
        metrics: null,
        artifacts: [],
        error: null,
      };
      expect(job).toEqual(expected);
      expect(await store.getJob("job_a")).toEqual(expected);
      expect(events).toEqual([{ id: 1, jobId: "job_a", type: "training.queued", timestamp }]);
      expect(await store.listEvents("job_a", { after: 0, limit: 10 })).toEqual(events);
    });

    it("refuses a second job of the same id or model name, and changes nothing", async () => {
      await add("job_a");
      await expect(add("job_a", { modelName: "ft:other" })).rejects.toThrow();
      await expect(add("job_b", { modelName: newJob("job_a").modelName })).rejects.toThrow();
      expect(idsOf((await store.listJobs({ limit: 10 })).data)).toEqual(["job_a"]);
    });

    it("gives null for what is not there", async () => {
      expect(await store.getJob("job_x")).toBeNull();
      expect(await store.findJobByModelName("ft:x")).toBeNull();
      expect(await store.changeJob("job_x", { from: ["queued"] })).toBeNull();
      expect(await store.nextQueued()).toBeNull();
      expect(await store.listEvents("job_x", { after: 0, limit: 10 })).toEqual([]);
      expect(await store.listCheckpoints("job_x", { after: -1, limit: 10 })).toEqual([]);
    });

    it("gives copies: changing one changes nothing stored", async () => {
      const { job } = await add("job_a");
      job.name = "changed";
      job.spec.name = "changed";
      expect((await store.getJob("job_a"))?.name).toBe("run");
      expect((await store.getJob("job_a"))?.spec.name).toBe("run");
    });

    describe("changeJob", () => {
      it("stores every field, and leaves the others alone", async () => {
        await add("job_a");
        const set = {
          status: "failed",
          requested: "cancel",
          crashes: 2,
          startedAt: at(1),
          finishedAt: at(2),
          step: 3,
          totalSteps: 10,
          metrics: exampleMetrics,
          error: { code: "diverged", message: "Loss is NaN.", param: null, hint: "Lower learningRate." },
        } as const;
        expect(await store.changeJob("job_a", { from: ["queued"], set })).toEqual({
          outcome: "applied",
          status: "failed",
          events: [],
        });
        expect(await store.getJob("job_a")).toMatchObject({ ...set, name: "run", spec: exampleSpec });
        await store.changeJob("job_a", { from: ["failed"], set: { requested: null } });
        expect(await store.getJob("job_a")).toMatchObject({ ...set, requested: null });
      });

      it("changes nothing when the status is not one of `from`, and tells the status", async () => {
        await add("job_a");
        const refused = await store.changeJob("job_a", {
          from: ["running", "paused"],
          set: { status: "completed" },
          events: [warning("no")],
          artifacts: [artifact("adapter", 1)],
          enqueue: true,
          key: { key: "k", fingerprint: "f" },
        });
        expect(refused).toEqual({ outcome: "refused", status: "queued", events: [] });
        expect(await store.getJob("job_a")).toMatchObject({ status: "queued", artifacts: [] });
        expect(await store.listEvents("job_a", { after: 1, limit: 10 })).toEqual([]);
        expect(await store.findKey({ key: "k", fingerprint: "f" })).toBeNull();
      });

      it("lets one of several simultaneous changes through", async () => {
        await add("job_a");
        const finish = (message: string) =>
          store.changeJob("job_a", { from: ["queued"], set: { status: "completed" }, events: [warning(message)] });
        const results = await Promise.all(["a", "b", "c"].map(finish));
        expect(results.map((result) => result?.outcome).sort()).toEqual(["applied", "refused", "refused"]);
        expect(await store.listEvents("job_a", { after: 1, limit: 10 })).toHaveLength(1);
      });
    });

    describe("events", () => {
      it("numbers them from 1 in each job, without gaps, in the order given", async () => {
        await add("job_a");
        await add("job_b");
        const append = (id: string, ...messages: string[]) =>
          store.changeJob(id, { from: ["queued"], events: messages.map(warning) });
        expect((await append("job_a", "1", "2"))?.events).toEqual([
          { ...warning("1"), id: 2, jobId: "job_a" },
          { ...warning("2"), id: 3, jobId: "job_a" },
        ]);
        await Promise.all([append("job_a", "3"), append("job_b", "x"), append("job_a", "4", "5")]);
        const events = await store.listEvents("job_a", { after: 0, limit: 100 });
        expect(events.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
        expect((await store.listEvents("job_b", { after: 0, limit: 100 })).map(({ id }) => id)).toEqual([1, 2]);
      });

      it("reads from any id on, at most `limit`", async () => {
        await add("job_a");
        await store.changeJob("job_a", { from: ["queued"], events: ["2", "3", "4"].map(warning) });
        const read = async (after: number, limit: number) =>
          (await store.listEvents("job_a", { after, limit })).map(({ id }) => id);
        expect(await read(0, 2)).toEqual([1, 2]);
        expect(await read(2, 2)).toEqual([3, 4]);
        expect(await read(4, 2)).toEqual([]);
        expect(await read(99, 2)).toEqual([]);
        expect(await read(-5, 1)).toEqual([1]);
      });

      it("keeps every number and character of an event", async () => {
        await add("job_a");
        const log: NewEvent = { type: "training.log", ...exampleMetrics, timestamp };
        const odd = warning('\u0000 \u2028 "quoted" \ud83d\ude00');
        await store.changeJob("job_a", { from: ["queued"], events: [log, odd] });
        expect(await store.listEvents("job_a", { after: 1, limit: 10 })).toEqual([
          { ...log, id: 2, jobId: "job_a" },
          { ...odd, id: 3, jobId: "job_a" },
        ]);
      });
    });

    describe("artifacts", () => {
      it("gives checkpoints by step, then the final adapter; the same step again replaces the older", async () => {
        await add("job_a");
        const artifacts = [artifact("adapter", 20), artifact("checkpoint", 10), artifact("checkpoint", 2)];
        await store.changeJob("job_a", { from: ["queued"], artifacts });
        const again = { ...artifact("checkpoint", 10), files: ["new"], metrics: null };
        await store.changeJob("job_a", { from: ["queued"], artifacts: [again] });
        const job = await store.getJob("job_a");
        expect(job?.artifacts).toEqual([
          { kind: "checkpoint", step: 2, path: "/jobs/a/checkpoint-2", files: ["adapter_model.safetensors"] },
          { kind: "checkpoint", step: 10, path: "/jobs/a/checkpoint-10", files: ["new"] },
          { kind: "adapter", step: 20, path: "/jobs/a/adapter-20", files: ["adapter_model.safetensors"] },
        ]);
        expect(await store.listCheckpoints("job_a", { after: -1, limit: 10 })).toEqual([
          artifact("checkpoint", 2),
          again,
        ]);
        expect(await store.listCheckpoints("job_a", { after: -1, limit: 1 })).toEqual([artifact("checkpoint", 2)]);
        expect(await store.listCheckpoints("job_a", { after: 2, limit: 10 })).toEqual([again]);
      });
    });

    describe("the queue", () => {
      it("is first in, first out; a job put back waits behind the others", async () => {
        for (const id of ["job_c", "job_a", "job_b"]) await add(id);
        expect((await store.nextQueued())?.id).toBe("job_c");
        await store.changeJob("job_c", { from: ["queued"], enqueue: true });
        expect((await store.nextQueued())?.id).toBe("job_a");
        await store.changeJob("job_a", { from: ["queued"], set: { status: "running" } });
        expect((await store.nextQueued())?.id).toBe("job_b");
        // Not enqueued anew: an interrupted job keeps its place.
        await store.changeJob("job_a", { from: ["running"], set: { status: "queued" } });
        expect((await store.nextQueued())?.id).toBe("job_a");
      });

      it("lets higher priorities go first, and keeps the order within one", async () => {
        const priorities = { a: 0, b: 5, c: undefined, d: 5, e: -1 };
        for (const [id, priority] of Object.entries(priorities)) {
          await add(id, { spec: { ...exampleSpec, ...(priority === undefined ? {} : { priority }) } });
        }
        const order: string[] = [];
        for (let next = await store.nextQueued(); next; next = await store.nextQueued()) {
          order.push(next.id);
          await complete(next.id);
        }
        expect(order).toEqual(["b", "d", "a", "c", "e"]);
      });
    });

    describe("listJobs", () => {
      it("pages through all jobs, newest first, each once, while new ones arrive", async () => {
        for (const id of ["1", "2", "3", "4", "5"]) await add(id);
        const first = await store.listJobs({ limit: 2 });
        expect([idsOf(first.data), first.hasMore]).toEqual([["5", "4"], true]);
        await add("6");
        const second = await store.listJobs({ limit: 2, after: "4" });
        expect([idsOf(second.data), second.hasMore]).toEqual([["3", "2"], true]);
        const third = await store.listJobs({ limit: 2, after: "2" });
        expect([idsOf(third.data), third.hasMore]).toEqual([["1"], false]);
      });

      it("gives an empty page after an unknown job", async () => {
        await add("1");
        expect(await store.listJobs({ limit: 2, after: "x" })).toEqual({ data: [], hasMore: false });
      });

      it("counts by status", async () => {
        const none = { queued: 0, running: 0, paused: 0, completed: 0, failed: 0, cancelled: 0 };
        expect(await store.countJobs()).toEqual(none);
        for (const id of ["1", "2", "3"]) await add(id);
        await complete("2");
        expect(await store.countJobs()).toEqual({ ...none, queued: 2, completed: 1 });
      });

      it("filters by status", async () => {
        for (const id of ["1", "2", "3"]) await add(id);
        await complete("2");
        expect(idsOf((await store.listJobs({ limit: 9, status: ["completed"] })).data)).toEqual(["2"]);
        expect(idsOf((await store.listJobs({ limit: 9, status: ["queued", "completed"] })).data)).toHaveLength(3);
        expect(idsOf((await store.listJobs({ limit: 9, status: ["queued"], after: "3" })).data)).toEqual(["1"]);
        expect((await store.listJobs({ limit: 9, status: [] })).data).toEqual([]);
      });
    });

    describe("models", () => {
      it("finds a job by its model name", async () => {
        await add("job_a");
        expect((await store.findJobByModelName("ft:org/base:midrun:run:job_a"))?.id).toBe("job_a");
      });

      it("lists base models once, finished adapters and every checkpoint", async () => {
        await add("a");
        await add("b", { createdAt: at(1) });
        await add("c", { model: "org/other", createdAt: at(2) });
        const artifacts = [artifact("checkpoint", 10), artifact("checkpoint", 2), artifact("adapter", 10)];
        await store.changeJob("b", { from: ["queued"], artifacts });
        await complete("b");
        await complete("a");
        await store.changeJob("c", { from: ["queued"], artifacts: [artifact("checkpoint", 1)] });
        expect(await store.listModels()).toEqual([
          { name: "org/base", createdAt: at(0), trained: false },
          { name: "org/other", createdAt: at(2), trained: false },
          { name: "ft:org/base:midrun:run:b", createdAt: at(10), trained: true },
          { name: "ft:org/base:midrun:run:b:ckpt-step-2", createdAt: at(2), trained: true },
          { name: "ft:org/base:midrun:run:b:ckpt-step-10", createdAt: at(10), trained: true },
          { name: "ft:org/base:midrun:run:c:ckpt-step-1", createdAt: at(1), trained: true },
        ]);
      });
    });

    describe("deleting a job", () => {
      it("leaves nothing of it, its key included, and everything of others", async () => {
        const key = { key: "k", fingerprint: "f" };
        await add("a");
        await add("b");
        await store.changeJob("a", {
          from: ["queued"],
          artifacts: [artifact("checkpoint", 2)],
          events: [warning("2")],
          key,
        });
        await complete("a");
        expect(await store.deleteJob("a", ["completed"])).toBe("completed");
        expect(await store.getJob("a")).toBeNull();
        expect(await store.listEvents("a", { after: 0, limit: 9 })).toEqual([]);
        expect(await store.listCheckpoints("a", { after: 0, limit: 9 })).toEqual([]);
        expect(await store.findKey(key)).toBeNull();
        expect((await store.listJobs({ limit: 9 })).data.map(({ id }) => id)).toEqual(["b"]);
        expect((await store.nextQueued())?.id).toBe("b");
        expect(await store.changeJob("a", { from: ["completed"] })).toBeNull();
        await add("a");
        expect(await store.listEvents("a", { after: 0, limit: 9 })).toHaveLength(1);
      });

      it("is refused in another status, and there is nothing to delete of an unknown one", async () => {
        await add("a");
        expect(await store.deleteJob("a", ["completed", "failed"])).toBe("queued");
        expect(await store.getJob("a")).not.toBeNull();
        expect(await store.deleteJob("x", ["queued"])).toBeNull();
      });
    });

    describe("jobs of OpenAI's API", () => {
      it("keep their request, and wait while they are held", async () => {
        const { job } = await add("a", { held: true, fineTuning: exampleFineTuning });
        expect(job).toMatchObject({ held: true, fineTuning: exampleFineTuning });
        await add("b");
        expect((await store.nextQueued())?.id).toBe("b");
        const fineTuning = { ...exampleFineTuning, trainedTokens: 7 };
        await store.changeJob("a", { from: ["queued"], set: { held: false, fineTuning } });
        expect(await store.nextQueued()).toMatchObject({ id: "a", held: false, fineTuning });
      });

      it("list their events newest first", async () => {
        await add("a");
        await store.changeJob("a", { from: ["queued"], events: [warning("2"), warning("3"), warning("4")] });
        const ids = async (options: { before?: number; limit: number }) =>
          (await store.listEventsBefore("a", options)).map(({ id }) => id);
        expect(await ids({ limit: 2 })).toEqual([4, 3]);
        expect(await ids({ before: 3, limit: 9 })).toEqual([2, 1]);
        expect(await ids({ before: 1, limit: 9 })).toEqual([]);
        expect(await store.listEventsBefore("x", { limit: 9 })).toEqual([]);
      });

      it("lose a model with its artifact, and no other", async () => {
        await add("a");
        const artifacts = [artifact("checkpoint", 2), artifact("checkpoint", 4), artifact("adapter", 4)];
        await store.changeJob("a", { from: ["queued"], artifacts });
        await complete("a");
        const remove = (kind: StoredArtifact["kind"], step: number) =>
          store.changeJob("a", { from: ["completed"], removeArtifacts: [{ kind, step }] });
        await remove("checkpoint", 4);
        await remove("adapter", 4);
        expect((await store.listModels()).map(({ name }) => name)).toEqual([
          "org/base",
          "ft:org/base:midrun:run:a:ckpt-step-2",
        ]);
        expect((await store.getJob("a"))?.artifacts.map(({ step }) => step)).toEqual([2]);
      });
    });

    projectConformance(() => store, add);
    leaseConformance(() => store, add);
    fileConformance(() => store);
    completionConformance(() => store);
    keyConformance(() => store);

    describe("idempotency keys", () => {
      const key = { key: "k", fingerprint: "f" };
      const other = { key: "k", fingerprint: "other" };

      it("make one job, however often and however simultaneously they come", async () => {
        const made = await Promise.all(["a", "b", "c"].map((id) => store.createJob(newJob(id), queued, key)));
        expect(new Set(made.map(({ job }) => job.id)).size).toBe(1);
        expect(made.flatMap(({ events }) => events)).toHaveLength(1);
        expect((await store.listJobs({ limit: 9 })).data).toHaveLength(1);
        expect(await store.findKey(key)).toBe(made[0]!.job.id);
      });

      it("refuse another request, and make nothing", async () => {
        await store.createJob(newJob("a"), queued, key);
        const conflict = { code: "idempotency_conflict", param: "Idempotency-Key" };
        await expect(store.createJob(newJob("b"), queued, other)).rejects.toMatchObject(conflict);
        await expect(store.findKey(other)).rejects.toMatchObject(conflict);
        await expect(store.changeJob("a", { from: ["queued"], key: other })).rejects.toMatchObject(conflict);
        expect((await store.listJobs({ limit: 9 })).data).toHaveLength(1);
      });

      it("apply a change once", async () => {
        await add("a");
        const change = { from: ["queued", "paused"], set: { status: "paused" }, events: [warning("p")], key } as const;
        const apply = () => store.changeJob("a", { ...change, events: [...change.events] });
        expect((await apply())?.outcome).toBe("applied");
        expect(await apply()).toEqual({ outcome: "replayed", status: "paused", events: [] });
        expect(await store.listEvents("a", { after: 1, limit: 9 })).toHaveLength(1);
      });
    });
  });
}
