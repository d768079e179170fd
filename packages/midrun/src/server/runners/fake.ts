/**
 * A runner without a model: it walks through the steps of a job, keeps its checkpoints in memory and answers with an echo.
 * Left alone it runs to the end at once; with `manual` a test moves it step by step.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { MidrunError } from "../../errors.ts";
import type { FinishReason } from "../../protocol/chat.ts";
import type { StepMetrics } from "../../protocol/event.ts";
import type { Artifact, Job, JobSpec } from "../../protocol/job.ts";
import type {
  GenerateEvent,
  GenerateInput,
  GenerateOption,
  Runner,
  RunnerEvent,
  TrainHandle,
  TrainOutcome,
  TrainPlace,
} from "../runner.ts";
import { createSerial } from "../serial.ts";
import type { RequestedCommand } from "../store.ts";
import { outranks } from "./command-line.ts";

export interface FakeRunnerOptions {
  /** Steps of a job without `maxSteps`. Default 4. */
  steps?: number;
  /** Loss of a step, 1 being the first. Default: 4 / step. */
  loss?: (step: number) => number;
  /** A checkpoint after every so many steps. Default: the job's `saveSteps` when it is a number, else 2. */
  saveSteps?: number;
  /** Nothing moves until `advance()`. Default false. */
  manual?: boolean;
  /** Each is thrown once, in place of that step. */
  failures?: readonly { step: number; error: Error }[];
  /** Throws what the job is refused for. Default: every job is accepted. */
  preflight?: (spec: JobSpec) => void;
  /** Whole answer to a chat. Default: who answers, and the last message. */
  reply?: (input: GenerateInput, index: number) => string;
  /** Functions that an answer calls, behind its words. Default: none. */
  calls?: (input: GenerateInput, index: number) => readonly { name: string; arguments: string }[];
  /** What it says it can do; all but `n` is the reply's affair. Default: `n` and `prompt`. */
  can?: readonly GenerateOption[];
  /** What outlives the runner: the step of the newest checkpoint below each job directory. Default: a disk of its own. */
  disk?: Map<string, number>;
}

export interface FakeRunner extends Runner {
  /** Ids of the jobs in training, the longest-running first. */
  readonly training: readonly string[];
  /** `manual`: lets a job (default: the longest-running) do so many steps; resolves when it has reported them. */
  advance(steps?: number, jobId?: string): Promise<void>;
  /** Fails a training (default: the longest-running) with this error. */
  fail(error: Error, jobId?: string): void;
  /** Fails a training as if its worker process had died. */
  crash(jobId?: string): void;
}

interface Training {
  jobId: string;
  command: RequestedCommand | null;
  ended: boolean;
  /** Lets the loop do one step; null while it is busy. */
  proceed: (() => void) | null;
  /** Resolves when the loop waits for the next step, or has ended. */
  atRest: PromiseWithResolvers<void>;
  fail: (error: Error) => void;
  /** One `advance()` after the other. */
  alone: ReturnType<typeof createSerial>;
}

const files = ["adapter_config.json", "adapter_model.safetensors"];

const checkpointDir = (jobDir: string, step: number) => `${jobDir}/checkpoints/step-${String(step).padStart(6, "0")}`;

const checkpointOf = (jobDir: string, step: number): Artifact => ({
  kind: "checkpoint",
  step,
  path: checkpointDir(jobDir, step),
  files,
});

/** What gives way to the checkpoint of `step`; none but every `saveSteps`-th step has one. */
function removedAfter(step: number, saveSteps: number, { keepCheckpoints: keep }: JobSpec) {
  const gone = keep === undefined ? 0 : step - keep * saveSteps;
  return gone > 0 && step % saveSteps === 0 ? { removedSteps: [gone] } : {};
}

function metricsOf(step: number, totalSteps: number, loss: number): StepMetrics {
  const measured = { step, totalSteps, loss, learningRate: 2e-4, epoch: step / totalSteps, gradNorm: 1, accuracy: 0.5 };
  const unmeasured = { evalLoss: null, evalAccuracy: null, samplesPerSecond: null, tokensPerSecond: null };
  return { ...measured, ...unmeasured, gflops: null, mfu: null, paddingShare: null, supervisedShare: null };
}

function defaultReply({ model, adapterDir, messages, prompt }: GenerateInput): string {
  const asked = prompt ?? messages.at(-1)?.content;
  return `${adapterDir?.split("/").at(-1) ?? model}: ${asked}`;
}

function cutAtStop(text: string, stop: readonly string[]): string {
  const ends = stop.map((each) => text.indexOf(each)).filter((index) => index >= 0);
  return text.slice(0, Math.min(text.length, ...ends));
}

/** A runner for tests. To restart a server, give the old runner's `disk` to the new one. */
export function createFakeRunner(options: FakeRunnerOptions = {}): FakeRunner {
  const {
    steps = 4,
    loss = (step) => 4 / step,
    manual = false,
    preflight = () => {},
    reply = defaultReply,
    calls = () => [],
  } = options;
  const failures = [...(options.failures ?? [])];
  const saved = options.disk ?? new Map<string, number>();
  const trainings: Training[] = [];
  let closed = false;

  const find = (jobId?: string): Training => {
    const found = trainings.find((each) => jobId === undefined || each.jobId === jobId);
    if (!found) throw new MidrunError("invalid_state", `The fake runner is not training ${jobId ?? "any job"}.`);
    return found;
  };

  /** Waits until the next step may begin: until `advance()`, or one turn of the event loop. */
  const nextStep = async (training: Training): Promise<void> => {
    if (!manual) return nextTurn();
    await new Promise<void>((resolve) => {
      training.proceed = resolve;
      training.atRest.resolve();
    });
  };

  const throwScriptedFailure = (step: number) => {
    const index = failures.findIndex((failure) => failure.step === step);
    if (index >= 0) throw failures.splice(index, 1)[0]!.error;
  };

  async function runSteps(training: Training, { spec }: Job, jobDir: string, report: (event: RunnerEvent) => void) {
    const totalSteps = spec.maxSteps ?? steps;
    const saveSteps = options.saveSteps ?? (typeof spec.saveSteps === "number" ? spec.saveSteps : 2);
    let step = saved.get(jobDir) ?? 0;
    let metrics: StepMetrics | null = null;

    const save = () => {
      if (saved.get(jobDir) === step || metrics === null) return;
      saved.set(jobDir, step);
      const artifacts = [checkpointOf(jobDir, step)];
      report({ type: "checkpoint.saved", step, artifacts, metrics, ...removedAfter(step, saveSteps, spec) });
    };
    const end = (status: TrainOutcome["status"], artifact: Artifact | null = null): TrainOutcome => ({
      status,
      step,
      artifact,
      metrics,
    });

    await nextTurn();
    report({ type: "training.started", totalSteps, trainableParameters: 8, dataset: {}, resumedFromStep: step });
    const isToEnd = () => training.command !== null && (training.command !== "stop" || step > 0);
    while (!isToEnd() && step < totalSteps) {
      await nextStep(training);
      // The dead do not write.
      if (training.ended) return end("cancelled");
      throwScriptedFailure(step + 1);
      step++;
      metrics = metricsOf(step, totalSteps, loss(step));
      report({ type: "training.log", ...metrics });
      if (saveSteps > 0 && step % saveSteps === 0) save();
    }
    if (training.command === "cancel") return end("cancelled");
    save();
    if (step < totalSteps && training.command !== "stop") return end("paused");
    return end("completed", { kind: "adapter", step, path: `${jobDir}/adapter`, files });
  }

  function train(job: Job, { jobDir }: TrainPlace, onEvent: (event: RunnerEvent) => void): TrainHandle {
    const failed = Promise.withResolvers<never>();
    const training: Training = {
      jobId: job.id,
      command: null,
      ended: false,
      proceed: null,
      atRest: Promise.withResolvers(),
      fail: (error) => {
        training.ended = true;
        failed.reject(error);
      },
      alone: createSerial(),
    };
    trainings.push(training);
    const report = (event: RunnerEvent) => {
      if (!training.ended) onEvent(event);
    };
    const result = Promise.race([runSteps(training, job, jobDir, report), failed.promise]).finally(() => {
      training.ended = true;
      trainings.splice(trainings.indexOf(training), 1);
      training.atRest.resolve();
    });
    return {
      result,
      command: (command) => {
        if (!outranks(training.command, command)) training.command = command;
      },
    };
  }

  async function* generate(input: GenerateInput): AsyncGenerator<GenerateEvent> {
    const finishReasons: FinishReason[] = [];
    let completionTokens = 0;
    for (let index = 0; index < (input.n ?? 1); index++) {
      const text = cutAtStop(reply(input, index), input.stop);
      const pieces = text.split(/(?<= )/).filter((piece) => piece !== "");
      const given = pieces.slice(0, input.maxTokens);
      for (const delta of given) {
        await nextTurn();
        if (input.signal.aborted) throw new MidrunError("aborted", "The generation was aborted.");
        yield { type: "delta", index, delta };
      }
      const called = calls(input, index);
      for (const [call, { name, arguments: text }] of called.entries()) {
        yield { type: "delta", index, delta: "", calls: [{ call, id: `call_${index}_${call}`, name, arguments: "" }] };
        yield { type: "delta", index, delta: "", calls: [{ call, arguments: text }] };
      }
      const end = called.length > 0 ? "tool_calls" : "stop";
      finishReasons.push(given.length < pieces.length ? "length" : end);
      completionTokens += given.length;
    }
    const texts = [...input.messages.map(({ content }) => content ?? ""), ...[input.prompt ?? []].flat()];
    const promptTokens = texts.reduce<number>((sum, text) => sum + String(text).split(" ").length, 0);
    yield { type: "done", finishReason: finishReasons[0]!, finishReasons, promptTokens, completionTokens };
  }

  async function advanceOne(training: Training): Promise<void> {
    await training.atRest.promise;
    if (training.ended) return;
    training.atRest = Promise.withResolvers();
    training.proceed?.();
    await training.atRest.promise;
  }

  const crash = (training: Training) =>
    training.fail(new MidrunError("worker_crashed", `The fake worker of ${training.jobId} died.`));

  return {
    get training() {
      return trainings.map(({ jobId }) => jobId);
    },
    preflight: async (spec) => preflight(spec),
    train(job, place, onEvent) {
      if (closed) throw new MidrunError("aborted", "The fake runner is closed.");
      return train(job, place, onEvent);
    },
    async recover({ artifacts, spec }, { jobDir }) {
      const step = saved.get(jobDir);
      if (step === undefined || artifacts.some((artifact) => artifact.step === step)) return [];
      const metrics = metricsOf(step, spec.maxSteps ?? steps, loss(step));
      return [{ type: "checkpoint.saved", step, artifacts: [checkpointOf(jobDir, step)], metrics }];
    },
    can: options.can ?? ["n", "prompt"],
    generate,
    async advance(count = 1, jobId) {
      const training = find(jobId);
      for (let i = 0; i < count; i++) await training.alone(() => advanceOne(training));
    },
    fail: (error, jobId) => find(jobId).fail(error),
    crash: (jobId) => crash(find(jobId)),
    async close() {
      closed = true;
      for (const training of [...trainings]) crash(training);
    },
  };
}
