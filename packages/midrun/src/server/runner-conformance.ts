/** What every `Runner` must do: run by the tests of each implementation. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isMidrunError } from "../errors.ts";
import type { Job, JobSpec } from "../protocol/job.ts";
import type {
  GenerateEvent,
  GenerateInput,
  Runner,
  RunnerEvent,
  TrainHandle,
  TrainOutcome,
  TrainPlace,
} from "./runner.ts";

export interface RunnerHarness {
  runner: Runner;
  /** A job that trains without error; the suite sets `maxSteps` and `saveSteps`. */
  spec: JobSpec;
  /** A new, empty place for a job. */
  newJobDir(): Promise<string>;
  /** A job that is accepted and then fails in training. */
  failingSpec: JobSpec;
  /** Jobs that `preflight` refuses, with the code of the refusal. */
  refusedSpecs: { spec: JobSpec; code: string }[];
  dispose(): Promise<void>;
}

let jobs = 0;
let leases = 0;

function jobOf(spec: JobSpec): Job {
  const { name, model } = spec;
  const outcome = { startedAt: null, finishedAt: null, step: 0, totalSteps: null, metrics: null, error: null };
  const id = `job_${++jobs}`;
  const createdAt = "2026-01-01T00:00:00.000Z";
  return { id, name, model, status: "running", spec, createdAt, ...outcome, artifacts: [], fineTunedModel: null };
}

interface Watched {
  events: RunnerEvent[];
  outcome: TrainOutcome;
}

type Reaction = (event: RunnerEvent, handle: TrainHandle) => void;

/** Every run begins after those before it. */
const at = (jobDir: string): TrainPlace => ({ jobDir, lease: ++leases, initialAdapterDir: null });

/** Trains to the end; `react` may command at any event. */
async function watch(runner: Runner, job: Job, jobDir: string, react: Reaction = () => {}): Promise<Watched> {
  const events: RunnerEvent[] = [];
  const handle = runner.train(job, at(jobDir), (event) => {
    events.push(event);
    react(event, handle);
  });
  return { events, outcome: await handle.result };
}

const ofType = <T extends RunnerEvent["type"]>(events: RunnerEvent[], type: T) =>
  events.filter((event): event is Extract<RunnerEvent, { type: T }> => event.type === type);

const stepsOf = (events: RunnerEvent[]) => ofType(events, "training.log").map(({ step }) => step);

async function collect(events: AsyncIterable<GenerateEvent>): Promise<GenerateEvent[]> {
  const seen: GenerateEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

/** Runs the suite against the runners that `create` makes; each test gets a new one. */
export function runnerConformance(name: string, create: () => Promise<RunnerHarness>): void {
  describe(`${name} is a Runner`, () => {
    let harness: RunnerHarness;
    let runner: Runner;
    beforeEach(async () => {
      harness = await create();
      runner = harness.runner;
    });
    afterEach(() => harness.dispose());

    const job = (overrides: Partial<JobSpec> = {}) =>
      jobOf({ ...harness.spec, maxSteps: 4, saveSteps: 2, loggingSteps: 1, ...overrides });
    const ask = (overrides: Partial<GenerateInput> = {}): GenerateInput => ({
      model: harness.spec.model,
      adapterDir: null,
      messages: [{ role: "user", content: "one two three four five six seven eight" }],
      maxTokens: 4,
      temperature: 0,
      topP: 1,
      stop: [],
      seed: 1,
      signal: new AbortController().signal,
      ...overrides,
    });
    const textOf = async (overrides?: Partial<GenerateInput>) =>
      (await collect(runner.generate(ask(overrides))))
        .map((event) => (event.type === "delta" ? event.delta : ""))
        .join("");

    describe("training", () => {
      it("reports the start, every step in order and its checkpoints, and ends with an adapter", async () => {
        const { events, outcome } = await watch(runner, job(), await harness.newJobDir());
        expect(events[0]).toMatchObject({ type: "training.started", totalSteps: 4, resumedFromStep: 0 });
        expect(ofType(events, "training.started")).toHaveLength(1);
        expect(stepsOf(events)).toEqual([1, 2, 3, 4]);
        const saved = ofType(events, "checkpoint.saved");
        expect(saved.map(({ step }) => step)).toEqual([2, 4]);
        for (const { step, artifacts, metrics } of saved) {
          expect(artifacts).toMatchObject([{ kind: "checkpoint", step, path: expect.any(String) }]);
          expect(artifacts[0]!.files.length).toBeGreaterThan(0);
          expect(metrics).toMatchObject({ step, loss: expect.any(Number) });
        }
        expect(outcome).toMatchObject({ status: "completed", step: 4, artifact: { kind: "adapter", step: 4 } });
        expect(outcome.metrics).toMatchObject({ step: 4, loss: expect.any(Number) });
      });

      it("reports every metric, null where it has none", async () => {
        const { events } = await watch(runner, job({ maxSteps: 1 }), await harness.newJobDir());
        const [log] = ofType(events, "training.log");
        const metrics = Object.entries(log!).filter(([key]) => key !== "type");
        expect(metrics).toHaveLength(15);
        for (const [key, value] of metrics) {
          expect(value === null || Number.isFinite(value), `${key}: ${value}`).toBe(true);
        }
      });

      it("pauses after the current step with a checkpoint there, and goes on from it", async () => {
        const jobDir = await harness.newJobDir();
        const total = 30;
        const long = job({ maxSteps: total, saveSteps: 100 });
        const first = await watch(runner, long, jobDir, (event, handle) => {
          if (event.type === "training.log" && event.step === 2) handle.command("pause");
        });
        const { step } = first.outcome;
        expect(first.outcome).toMatchObject({ status: "paused", artifact: null });
        expect(step).toBeGreaterThanOrEqual(2);
        expect(step).toBeLessThan(total);
        expect(first.events.at(-1)).toMatchObject({ type: "checkpoint.saved", step });
        const second = await watch(runner, { ...long, step }, jobDir);
        expect(second.events[0]).toMatchObject({ type: "training.started", resumedFromStep: step });
        expect(stepsOf(second.events)).toEqual(Array.from({ length: total - step }, (_, i) => step + 1 + i));
        expect(second.outcome).toMatchObject({ status: "completed", step: total });
      });

      it("completes with what it has learnt when it is stopped, whatever is asked after that but a cancel", async () => {
        const { events, outcome } = await watch(
          runner,
          job({ maxSteps: 100, saveSteps: 100 }),
          await harness.newJobDir(),
          (event, handle) => {
            if (event.type !== "training.log" || event.step !== 2) return;
            handle.command("stop");
            handle.command("pause");
          },
        );
        const { step } = outcome;
        expect(step).toBeGreaterThanOrEqual(2);
        expect(step).toBeLessThan(100);
        expect(outcome).toMatchObject({ status: "completed", artifact: { kind: "adapter", step } });
        expect(events.at(-1)).toMatchObject({ type: "checkpoint.saved", step });
      });

      it("does a step before it obeys a stop, but none more than its paused run had", async () => {
        const jobDir = await harness.newJobDir();
        const stopAtOnce = async (step: number) => {
          const events: RunnerEvent[] = [];
          const begun = { ...job({ maxSteps: 100 }), step };
          const handle = runner.train(begun, at(jobDir), (event) => events.push(event));
          handle.command("stop");
          return { events, outcome: await handle.result };
        };
        expect((await stopAtOnce(0)).outcome).toMatchObject({ status: "completed", step: 1 });
        const again = await stopAtOnce(1);
        expect(again.outcome).toMatchObject({ status: "completed", step: 1, artifact: { kind: "adapter" } });
        expect(stepsOf(again.events)).toEqual([]);
      });

      it("tells of the checkpoints that a dead run could not tell of", async () => {
        const jobDir = await harness.newJobDir();
        expect(await runner.recover(job(), at(jobDir))).toEqual([]);
        const { events } = await watch(runner, job(), jobDir);
        const told = ofType(events, "checkpoint.saved").at(-1)!;
        const found = ofType(await runner.recover(job(), at(jobDir)), "checkpoint.saved").at(-1)!;
        expect(found).toMatchObject({ step: told.step, artifacts: [{ ...told.artifacts[0] }] });
        expect(found.metrics).toMatchObject({ step: told.step, loss: told.metrics.loss });
        expect(Object.keys(found.metrics).sort()).toEqual(Object.keys(told.metrics).sort());
        const knowing = {
          ...job(),
          artifacts: ofType(events, "checkpoint.saved").flatMap(({ artifacts }) => artifacts),
        };
        expect(await runner.recover(knowing, at(jobDir))).toEqual([]);
      });

      it("stops when it is cancelled, whatever is asked after that", async () => {
        const { events, outcome } = await watch(
          runner,
          job({ maxSteps: 100 }),
          await harness.newJobDir(),
          (_, handle) => {
            handle.command("cancel");
            handle.command("pause");
          },
        );
        expect(outcome).toMatchObject({ status: "cancelled", artifact: null });
        expect(stepsOf(events).length).toBeLessThan(100);
      });

      it("obeys a command that comes before the training has begun", async () => {
        const handle = runner.train(job({ maxSteps: 100 }), at(await harness.newJobDir()), () => {});
        handle.command("cancel");
        expect(await handle.result).toMatchObject({ status: "cancelled" });
      });

      it("takes no notice of a command after the end", async () => {
        const handle = runner.train(job({ maxSteps: 1 }), at(await harness.newJobDir()), () => {});
        await handle.result;
        handle.command("cancel");
        expect(await handle.result).toMatchObject({ status: "completed" });
      });

      it("fails with a MidrunError, and is ready for the next job", async () => {
        const failing = watch(runner, jobOf(harness.failingSpec), await harness.newJobDir());
        await expect(failing).rejects.toSatisfy(isMidrunError);
        const next = await watch(runner, job({ maxSteps: 1 }), await harness.newJobDir());
        expect(next.outcome.status).toBe("completed");
      });

      it("refuses beforehand what is certain to fail, and nothing else", async () => {
        await runner.preflight(job().spec);
        for (const { spec, code } of harness.refusedSpecs) {
          await expect(runner.preflight(spec), JSON.stringify(spec)).rejects.toMatchObject({ code });
        }
      });
    });

    describe("generation", () => {
      it("gives text, then one reason for its end with the token counts", async () => {
        const events = await collect(runner.generate(ask()));
        const done = events.pop();
        expect(done).toMatchObject({ type: "done", finishReason: expect.stringMatching(/^(stop|length)$/) });
        if (done?.type !== "done") return;
        expect(done.promptTokens).toBeGreaterThan(0);
        expect(done.completionTokens).toBeLessThanOrEqual(4);
        for (const event of events) expect(event).toMatchObject({ type: "delta", delta: expect.any(String) });
      });

      it("gives the same text for the same seed", async () => {
        expect(await textOf({ temperature: 1, seed: 5 })).toBe(await textOf({ temperature: 1, seed: 5 }));
      });

      it("answers from a checkpoint while its job is in training", async () => {
        const answers: Promise<string>[] = [];
        const { outcome } = await watch(runner, job({ saveSteps: 1 }), await harness.newJobDir(), (event) => {
          if (event.type !== "checkpoint.saved") return;
          answers.push(textOf({ adapterDir: event.artifacts[0]!.path }));
        });
        expect(outcome.status).toBe("completed");
        expect((await Promise.all(answers)).length).toBeGreaterThanOrEqual(4);
        expect(await textOf({ adapterDir: outcome.artifact!.path })).toEqual(expect.any(String));
      });

      it("ends when its signal aborts, before or during", async () => {
        await expect(collect(runner.generate(ask({ signal: AbortSignal.abort() })))).rejects.toMatchObject({
          code: "aborted",
        });
        const controller = new AbortController();
        const cut = (async () => {
          for await (const _ of runner.generate(ask({ maxTokens: 50, signal: controller.signal }))) controller.abort();
        })();
        await expect(cut).rejects.toMatchObject({ code: "aborted" });
      });

      it("ends when its reader leaves, and leaves nothing behind", async () => {
        for await (const _ of runner.generate(ask({ maxTokens: 50 }))) break;
        expect(await textOf()).toEqual(expect.any(String));
      });
    });

    describe("close", () => {
      it("ends what is in progress with an error that says so", async () => {
        const started = Promise.withResolvers<void>();
        const training = watch(runner, job({ maxSteps: 100_000 }), await harness.newJobDir(), () => started.resolve());
        const settled = expect(training).rejects.toMatchObject({
          code: expect.stringMatching(/^(aborted|worker_crashed)$/),
        });
        await started.promise;
        await runner.close();
        await settled;
      });

      it("refuses what comes after it, and can be repeated", async () => {
        await runner.close();
        await runner.close();
        const late = async () => runner.train(job(), at("/nowhere"), () => {}).result;
        await expect(late()).rejects.toMatchObject({ code: "aborted" });
      });
    });
  });
}
