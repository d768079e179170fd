import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { raiseFence } from "../../../../engine/src/io/fence.ts";
import { findCheckpoints } from "../../../../engine/src/io/found-checkpoints.ts";
import { EngineError, isEngineError } from "../../../../engine/src/util.ts";
import type { Job, JobSpec } from "../../protocol/job.ts";
import type { GenerateInput, Runner, RunnerEvent } from "../runner.ts";
import { runnerConformance } from "../runner-conformance.ts";
import { createEmbeddedRunner, type EmbeddedRunnerOptions } from "./embedded.ts";
import type { Engine } from "./model-finder.ts";

const workerPath = fileURLToPath(new URL("../../../../engine/src/testing/scripted-worker.ts", import.meta.url));

/** An engine whose workers act out a script instead of a model. */
const scriptedEngine: Engine = {
  workerPath,
  builtinModels: { "midrun/scripted": "/models/scripted", "midrun/other": "/models/other" },
  isEngineError,
  raiseFence,
  findCheckpoints,
  async checkDataset(source) {
    if (source.type !== "huggingface" || source.name === "acme/qa") return;
    throw new EngineError("invalid_dataset", `There is no data set ${source.name}.`, { param: "dataset.name" });
  },
  async resolveModelDir(name, { builtins }) {
    const dir = builtins[name];
    if (dir === undefined) throw new EngineError("model_not_found", `There is no model "${name}".`, { param: "model" });
    return dir;
  },
};

const inline = (script: object): JobSpec["dataset"] => ({ type: "inline", rows: [{ ...script }] });
const spec: JobSpec = { name: "run", model: "midrun/scripted", dataset: inline({}), method: "sft" };

const createRunner = (options: EmbeddedRunnerOptions = {}) =>
  createEmbeddedRunner({ loadEngine: async () => scriptedEngine, ...options });

runnerConformance("createEmbeddedRunner", async () => {
  const dir = await mkdtemp(join(tmpdir(), "midrun-embedded-"));
  const runner = createRunner();
  const dataset = (path: string): JobSpec["dataset"] => ({ type: "file", path });
  await writeFile(join(dir, "empty.jsonl"), "");
  return {
    runner,
    spec,
    newJobDir: () => mkdtemp(join(dir, "job-")),
    failingSpec: { ...spec, dataset: inline({ failAtStep: 2 }) },
    refusedSpecs: [
      { spec: { ...spec, model: "no/such-model" }, code: "model_not_found" },
      { spec: { ...spec, dataset: dataset(join(dir, "missing.jsonl")) }, code: "invalid_dataset" },
      { spec: { ...spec, dataset: dataset(join(dir, "empty.jsonl")) }, code: "invalid_dataset" },
      { spec: { ...spec, dataset: dataset(dir) }, code: "invalid_dataset" },
      { spec: { ...spec, dataset: dataset("relative.jsonl") }, code: "invalid_dataset" },
      { spec: { ...spec, evalDataset: dataset(join(dir, "missing.jsonl")) }, code: "invalid_dataset" },
      {
        spec: { ...spec, dataset: { type: "files", paths: [join(dir, "missing.txt")], content: "text" } },
        code: "invalid_dataset",
      },
      { spec: { ...spec, dataset: { type: "upload", fileId: "file-1" } }, code: "not_supported" },
      { spec: { ...spec, dpoBeta: 0.1 }, code: "invalid_config" },
    ],
    dispose: async () => {
      await runner.close();
      await rm(dir, { recursive: true });
    },
  };
});

describe("createEmbeddedRunner", () => {
  let dir: string;
  let runner: Runner;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "midrun-embedded-"));
    runner = createRunner({ killAfterMs: 50 });
  });
  afterEach(async () => {
    await runner.close();
    await rm(dir, { recursive: true });
  });

  const train = (
    script: object,
    overrides: Partial<JobSpec> = {},
    onEvent: (event: RunnerEvent) => void = () => {},
  ) => {
    const full = { ...spec, dataset: inline(script), maxSteps: 3, saveSteps: 10, ...overrides };
    const job = { id: "job_a", name: full.name, model: full.model, spec: full, artifacts: [] } as unknown as Job;
    return runner.train(job, { jobDir: join(dir, "job"), lease: 1, initialAdapterDir: null }, onEvent);
  };
  const ask = (content: string): GenerateInput => ({
    model: "midrun/scripted",
    adapterDir: null,
    messages: [{ role: "user", content }],
    maxTokens: 9,
    temperature: 0,
    topP: 1,
    stop: [],
    seed: null,
    signal: new AbortController().signal,
  });
  const textOf = async (content: string) => {
    let text = "";
    for await (const event of runner.generate(ask(content))) if (event.type === "delta") text += event.delta;
    return text.trim();
  };
  /** Resolves when the training has begun. */
  const begun = (script: object, overrides?: Partial<JobSpec>) => {
    const started = Promise.withResolvers<void>();
    const handle = train(script, overrides, () => started.resolve());
    handle.result.catch(() => {});
    return started.promise.then(() => handle);
  };

  it("tells of a worker's death how it died and what it last wrote, and goes on with a new one", async () => {
    const dead = await train({ crashAtStep: 2 }).result.catch((error: unknown) => error);
    expect(dead).toMatchObject({
      code: "worker_crashed",
      message: "The worker of midrun/scripted ended unexpectedly (signal SIGKILL). Its last output: out of luck",
      hint: expect.stringContaining("memory"),
    });
    expect(await train({}).result).toMatchObject({ status: "completed" });
  });

  describe("whose worker the system kills for want of memory", () => {
    const killing = () => {
      let kills = 0;
      return createRunner({ killAfterMs: 50, countKills: () => kills++ });
    };

    it("goes on from the last checkpoint with smaller micro-batches, and says so", async () => {
      runner = killing();
      const events: RunnerEvent[] = [];
      const script = { killedAtStep: 2, fitsInParts: 4 };
      const { result } = train(script, { saveSteps: 1, batchSize: 4 }, (event) => events.push(event));
      expect(await result).toMatchObject({ status: "completed", step: 3 });
      const starts = events.flatMap((event) => (event.type === "training.started" ? event.resumedFromStep : []));
      expect(starts).toEqual([0, 1, 1]);
      const warnings = events.flatMap((event) => (event.type === "training.warning" ? event.message : []));
      expect(warnings).toEqual([
        expect.stringContaining("2 rows at a time"),
        expect.stringContaining("1 row at a time"),
      ]);
    });

    it("fails when single rows do not fit either", async () => {
      runner = killing();
      await expect(train({ killedAtStep: 2 }, { batchSize: 2 }).result).rejects.toMatchObject({
        code: "out_of_memory",
        hint: expect.stringContaining("maxLength"),
      });
    });
  });

  it("lets a worker's death reach what it was doing, and nothing else", async () => {
    const training = await begun({ hang: true });
    const other = await begun({ hang: true }, { model: "midrun/other" });
    await expect(textOf("crash")).rejects.toMatchObject({
      code: "worker_crashed",
      message: "The worker of midrun/scripted ended unexpectedly (exit code 3). It wrote nothing.",
    });
    await expect(training.result).rejects.toMatchObject({ code: "worker_crashed" });
    expect(await textOf("hello again")).toBe("hello again");
    const ended = Promise.race([other.result, Promise.resolve("still in training")]);
    expect(await ended).toBe("still in training");
  });

  it("answers from the process that trains", async () => {
    await begun({ hang: true });
    expect(await textOf("are you there")).toBe("are you there");
  });

  it("trains two jobs of one base at the same time", async () => {
    await begun({ hang: true });
    expect(await train({}).result).toMatchObject({ status: "completed" });
  });

  it("tells once what it decided for the job's user", async () => {
    const messagesOf = async () => {
      const events: RunnerEvent[] = [];
      const handle = train({}, { maxSteps: 9, evalSteps: 3 }, (event) => {
        events.push(event);
        if (event.type === "training.log") handle.command("pause");
      });
      await handle.result;
      return events.flatMap((event) => (event.type === "training.warning" ? [event.message] : []));
    };
    expect(await messagesOf()).toEqual([expect.stringContaining("evalSteps is given without held-out rows")]);
    expect(await messagesOf()).toEqual([]);
  });

  it("tells the engine's errors with their code", async () => {
    await expect(train({ failAtStep: 1 }).result).rejects.toMatchObject({ code: "diverged", message: /step 1/ });
    await expect(
      runner
        .generate({ ...ask("x"), model: "no/such" })
        [Symbol.asyncIterator]()
        .next(),
    ).rejects.toMatchObject({ code: "model_not_found", param: "model" });
  });

  it("names the artifact of full fine-tuning a model", async () => {
    expect((await train({}, { lora: false }).result).artifact).toEqual({
      kind: "model",
      step: 3,
      path: join(dir, "job", "adapter"),
      files: ["adapter_config.json", "adapter_model.safetensors"],
    });
  });

  it("ends a worker that does not listen", async () => {
    const { result } = await begun({ deaf: true });
    const ended = expect(result).rejects.toMatchObject({ code: "aborted" });
    await runner.close();
    await ended;
  });

  describe("leaves no process behind", () => {
    /** A worker that writes its process id where the test finds it. */
    async function createWatchedRunner() {
      const path = join(dir, "worker.ts");
      const pids = join(dir, "pids");
      await writeFile(
        path,
        `import { appendFileSync } from "node:fs";
         appendFileSync(${JSON.stringify(pids)}, process.pid + "\\n");
         await import(${JSON.stringify(new URL(`file://${workerPath}`).href)});`,
      );
      runner = createRunner({ loadEngine: async () => ({ ...scriptedEngine, workerPath: path }), cancelAfterMs: 50 });
      return async () => (await readFile(pids, "utf8")).trim().split("\n").map(Number);
    }
    const isAlive = (pid: number) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };

    it.each([
      ["between two steps", {}],
      ["in a step that does not end", { stuckAtStep: 1 }],
      ["while it loads", { hang: true }],
      ["and deaf to everything", { deaf: true }],
    ])("when a training is cancelled %s", async (_, script) => {
      const pidsOf = await createWatchedRunner();
      const { result, command } = await begun(script, { maxSteps: 1000 });
      const cancelledAt = performance.now();
      command("cancel");
      expect(await result).toMatchObject({ status: "cancelled", artifact: null });
      const [pid] = await pidsOf();
      await vi.waitFor(() => expect(isAlive(pid!)).toBe(false), { timeout: 5000 });
      expect(performance.now() - cancelledAt).toBeLessThan(5000);
    });

    it("when a training is paused; a finished one keeps its model for the chats that follow", async () => {
      const pidsOf = await createWatchedRunner();
      const { result, command } = await begun({}, { maxSteps: 1000 });
      command("pause");
      expect(await result).toMatchObject({ status: "paused" });
      const [paused] = await pidsOf();
      await vi.waitFor(() => expect(isAlive(paused!)).toBe(false), { timeout: 5000 });
      await train({}).result;
      expect(await textOf("still here")).toBe("still here");
      const [, finished, ...more] = await pidsOf();
      expect([isAlive(finished!), more]).toEqual([true, []]);
    });
  });

  it("keeps a run from writing that a later one has replaced, and finds what it had written", async () => {
    const saved = Promise.withResolvers<void>();
    const ghost = train({ stuckAtStep: 3 }, { maxSteps: 9, saveSteps: 2 }, (event) => {
      if (event.type === "checkpoint.saved") saved.resolve();
    });
    ghost.result.catch(() => {});
    await saved.promise;
    const job = { id: "job_a", artifacts: [], totalSteps: 9, spec } as unknown as Job;
    const found = await runner.recover(job, { jobDir: join(dir, "job"), lease: 2 });
    expect(found).toMatchObject([{ type: "checkpoint.saved", step: 2, metrics: { totalSteps: 9, loss: 2 } }]);
    await expect(train({}, { maxSteps: 9 }).result).rejects.toMatchObject({
      code: "aborted",
      message: expect.stringContaining("Run 2 goes on"),
    });
  });

  it("says that a worker's module cannot be started", async () => {
    runner = createRunner({ loadEngine: async () => ({ ...scriptedEngine, workerPath: join(dir, "none.ts") }) });
    await expect(train({}).result).rejects.toMatchObject({
      code: "worker_crashed",
      message: expect.stringContaining("none.ts"),
    });
  });

  it("does not let a new job wait for a long download", async () => {
    const download = Promise.withResolvers<string>();
    const loadEngine = async () => ({ ...scriptedEngine, resolveModelDir: () => download.promise });
    runner = createRunner({ loadEngine, preflightMs: 1 });
    await runner.preflight(spec);
    const { result } = train({});
    download.resolve("/models/scripted");
    expect(await result).toMatchObject({ status: "completed" });
  });

  it("looks for a data set on the hub through the engine, and names the field", async () => {
    const hub = (name: string): JobSpec["dataset"] => ({ type: "huggingface", name });
    await runner.preflight({ ...spec, dataset: hub("acme/qa") });
    await expect(runner.preflight({ ...spec, evalDataset: hub("acme/qq") })).rejects.toMatchObject({
      name: "MidrunError",
      code: "invalid_dataset",
      param: "evalDataset.name",
      message: "There is no data set acme/qq.",
    });
  });

  it.skipIf(process.getuid?.() === 0)("refuses a file that it may not read", async () => {
    const path = join(dir, "secret.jsonl");
    await writeFile(path, "{}");
    await chmod(path, 0);
    await expect(runner.preflight({ ...spec, dataset: { type: "file", path } })).rejects.toMatchObject({
      code: "invalid_dataset",
      message: expect.stringContaining("EACCES"),
    });
  });

  it("does not keep a program alive that has nothing more to ask", async () => {
    const embedded = new URL("./embedded.ts", import.meta.url).href;
    const program = `
      import { createEmbeddedRunner } from ${JSON.stringify(embedded)};
      const engine = {
        workerPath: ${JSON.stringify(workerPath)}, builtinModels: {}, isEngineError: () => false,
        resolveModelDir: async () => "/models/scripted",
      };
      const runner = createEmbeddedRunner({ loadEngine: async () => engine });
      const input = ${JSON.stringify({ ...ask("hello"), signal: undefined })};
      for await (const event of runner.generate({ ...input, signal: new AbortController().signal })) {
        if (event.type === "done") process.stdout.write("answered");
      }`;
    const args = ["--conditions=midrun-source", "--input-type=module", "--eval", program];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
    expect(stdout).toBe("answered");
  });

  it("ends a worker whose parent is gone", async () => {
    await mkdir(join(dir, "model"));
    const worker = fork(workerPath, [join(dir, "model")], { serialization: "advanced", execArgv: [] });
    await once(worker, "message");
    worker.disconnect();
    expect(await once(worker, "exit")).toEqual([0, null]);
  });
});
