/** The training loop. One run of one adapter (or of the whole model), from its data to its last checkpoint. */
import { join } from "node:path";
import type { BaseModel } from "./base-model.ts";
import { checkFence, raiseFence } from "./io/fence.ts";
import { type FileSystem, nodeFileSystem } from "./io/file-system.ts";
import { saveModelDir } from "./io/model-dir.ts";
import { saveAdapter } from "./io/peft.ts";
import { adamw, chain, clipByGlobalNorm, type Optimizer, type OptimizerState } from "./optim.ts";
import { learningRateAt } from "./schedule.ts";
import type { TrainCommand, TrainEvent, TrainLog, TrainResult, TrainSpec } from "./spec.ts";
import { checkBaseWeights } from "./training/base-weights.ts";
import { type Best, createBest, restoreBest } from "./training/best.ts";
import { availableMemory, checkMemory, costsOf, fitPlan } from "./training/estimate.ts";
import { createFittingStepper } from "./training/fitting-stepper.ts";
import { startFromAdapter } from "./training/initial-adapter.ts";
import { checkKeeping, keepCheckpoints, resumeKeeping } from "./training/keep.ts";
import { toMemoryError } from "./training/memory.ts";
import { type MeasuredRun, type Metrics, metricsOf } from "./training/metrics.ts";
import type { Quality } from "./training/objective.ts";
import { machinePeak } from "./training/peak.ts";
import { type PrefixRoom, prefixOf, roomWithin } from "./training/prefix.ts";
import { createRecentLogs, missedLogs, type RecentLogs } from "./training/recent-logs.ts";
import { identify, type RunIdentity, restoreStep, resumeRun, saveRun } from "./training/resume.ts";
import { prepareRunData } from "./training/run-data.ts";
import { objectiveOf } from "./training/run-objective.ts";
import { planRun, splitShapes } from "./training/run-plan.ts";
import type { Stepper } from "./training/stepper.ts";
import { countParameters, initialTrainables, type Trainables } from "./training/trainables.ts";
import { type Division, worldOf } from "./training/world.ts";
import { EngineError } from "./util.ts";

export interface TrainOptions {
  /** Told in order what happens. */
  onEvent(event: TrainEvent): void;
  /** Asked before every step. */
  nextCommand?(): TrainCommand | null;
  /** Threads of one operation. Default: as many as cores. */
  threads?: number;
  /** Milliseconds from any origin. */
  now?(): number;
  /** What the machine does at best, GFLOP/s: `mfu` is a share of it. Default: measured, see `training/peak.ts`. */
  peakGflops?: number;
  /** Bytes that the run may use. Default: the machine's memory. */
  memoryBytes?: number;
  /** Room for what never changes below the first adapter, see `training/prefix.ts`. Default: a quarter of what the run leaves free. */
  prefixRoom?: PrefixRoom;
  /** Where checkpoints and the adapter are written. Default: the real disk. */
  fs?: FileSystem;
}

/** After this many steps every adapter must have moved. */
const movedBy = 3;

/** What the steps of one run share. */
interface Run extends MeasuredRun {
  spec: TrainSpec;
  optimizer: Optimizer;
  state: OptimizerState;
  stepper: Stepper;
  division: Division;
  identity: RunIdentity;
  best: Best;
  recent: RecentLogs;
  fs: FileSystem;
  emit(event: TrainEvent): void;
  now(): number;
}

/**
 * Trains as `spec` says, continuing from the newest checkpoint below `spec.outputDir` when there is one. A command ends the run
 * early: `pause` saves a checkpoint first, `cancel` does not, `stop` completes it after at least one step. Throws `invalid_dataset`,
 * `invalid_config` (also when the run does not fit into memory), `invalid_checkpoint`, `diverged`, `out_of_memory`, `disk_full` or `io`,
 * and `aborted` when a later run has begun in `spec.outputDir`; checkpoints already written stay.
 */
export async function train(model: BaseModel, spec: TrainSpec, options: TrainOptions): Promise<TrainResult> {
  let run: Run | undefined;
  try {
    const prepared = await prepareRun(model, spec, options);
    run = prepared.run;
    return await runSteps(run, prepared.start, options.nextCommand ?? (() => null));
  } catch (error) {
    throw toMemoryError(error);
  } finally {
    await run?.stepper.release();
  }
}

async function prepareRun(model: BaseModel, spec: TrainSpec, options: TrainOptions) {
  const { onEvent, threads, now = () => performance.now(), fs = nodeFileSystem } = options;
  checkKeeping(spec);
  checkBaseWeights(model.spec, spec);
  if (spec.fence !== undefined) await raiseFence(spec.outputDir, spec.fence, fs);
  const onWarning = (message: string) => onEvent({ type: "warning", message });
  const planned = await planFor(model, spec, { ...options, onWarning });
  const { report, plan, estimate, trained, best } = planned;
  const optimizer = optimizerOf(spec);
  const state = optimizer.init(trained.parameters);
  const identity = identify(model, spec, plan, trained);
  const division: Division = { threads, microBatchParts: spec.microBatchParts ?? 1 };
  const whole = { ...plan, ...splitShapes(plan, division.microBatchParts) };
  const objective = await objectiveOf({ spec, model, plan: whole, trained }, { threads });
  const from = await resumeRun(spec.outputDir, trained, state, identity, { division, fs });
  division.microBatchParts = from.microBatchParts;
  restoreBest(best, from.metrics);
  const warnings = [...from.warnings, ...(await resumeKeeping(spec, best, fs))];
  const prefix = await prefixOf({ spec, model, plan, trained }, { threads, room: planned.prefixRoom });
  const sizes = { spec: model.spec, plan, trained };
  const stepper = await createFittingStepper({ ...sizes, objective, prefix, division, onWarning });
  warnings.forEach(onWarning);
  const peakGflops = options.peakGflops ?? (await machinePeak(threads));
  for (const log of missedLogs(from.logs, spec.historyStep)) onEvent(log);
  onEvent({
    type: "started",
    totalSteps: plan.totalSteps,
    trainableParameters: countParameters(trained),
    dataset: report,
    resumedFromStep: from.step,
    fingerprints: identity.fingerprints,
    estimate: costsOf(estimate, peakGflops),
  });
  const recent = createRecentLogs(from.logs);
  const told = { emit: onEvent, now, recent, peakGflops, fs };
  const run: Run = { spec, model, plan, report, trained, optimizer, state, stepper, division, identity, best, ...told };
  return { run, start: from.step };
}

/** What the run will train, on what, and that it fits into memory: all before anything is computed. */
async function planFor(
  model: BaseModel,
  spec: TrainSpec,
  { memoryBytes = availableMemory(), prefixRoom, onWarning }: TrainOptions & { onWarning: (message: string) => void },
) {
  const data = await prepareRunData(model, spec, onWarning);
  const trained = initialTrainables(model, spec);
  const sizes = { lora: trained.plan, trainableParameters: countParameters(trained) };
  const whole = { ...planRun(spec, data), ...sizes };
  const { plan, estimate } = fitPlan(spec, model, whole, { available: memoryBytes, parts: spec.microBatchParts ?? 1 });
  const tight = checkMemory(estimate, memoryBytes, spec);
  if (tight !== null) onWarning(tight);
  if (spec.initialAdapterDir !== undefined) await startFromAdapter(trained, spec.initialAdapterDir);
  const room = prefixRoom ?? roomWithin(memoryBytes - estimate.memory.total);
  return { report: data.report, plan, estimate, trained, best: createBest(spec, plan), prefixRoom: room };
}

function optimizerOf(spec: TrainSpec): Optimizer {
  const { adamBeta1: beta1, adamBeta2: beta2, adamEpsilon: epsilon, weightDecay, maxGradNorm } = spec;
  const adam = adamw({ beta1, beta2, epsilon, weightDecay });
  return maxGradNorm > 0 ? chain(clipByGlobalNorm(maxGradNorm), adam) : adam;
}

async function runSteps(run: Run, start: number, nextCommand: () => TrainCommand | null): Promise<TrainResult> {
  const { plan, best } = run;
  let metrics: Metrics | null = null;
  let [done, saved] = [start, start];
  let ending = false;
  while (done < plan.totalSteps && best.verdict() === null) {
    const command = nextCommand();
    if (command === "pause" || command === "cancel") return leave(run, command, { step: done, saved, metrics });
    ending ||= command === "stop";
    if (ending && done > 0) break;
    metrics = await oneStep(run, ++done);
    const savedAnyway = isDue(plan.saveSteps, done) || done === plan.totalSteps;
    const isBest = best.look(metrics, savedAnyway);
    if (!savedAnyway && !isBest) continue;
    await checkpoint(run, metrics);
    saved = done;
  }
  if (ending && metrics !== null && saved < done) await checkpoint(run, metrics);
  const resultStep = await chooseResult(run, done);
  return { status: "completed", step: done, resultStep, adapterDir: await saveFinal(run), metrics };
}

async function leave(
  run: Run,
  command: "pause" | "cancel",
  at: { step: number; saved: number; metrics: Metrics | null },
): Promise<TrainResult> {
  if (command === "pause" && at.metrics !== null && at.saved < at.step) await checkpoint(run, at.metrics);
  const status = command === "pause" ? "paused" : "cancelled";
  return { status, step: at.step, adapterDir: null, metrics: at.metrics };
}

const isDue = (every: number, step: number) => every > 0 && step % every === 0;

async function oneStep(run: Run, step: number): Promise<Metrics> {
  const { spec, plan, trained, state, optimizer, stepper, recent, now } = run;
  const startedAt = now();
  const window = await stepper.window(plan.microBatches(step), step);
  if (!Number.isFinite(window.loss)) throw diverged(step, window.loss);
  const learningRate = rateAt(run, step);
  const { gradNorm } = optimizer.update(trained.parameters, window.grads, state, { learningRate });
  const seconds = (now() - startedAt) / 1000;
  if (step === movedBy) assertMoved(trained);
  const held = isDue(plan.evalSteps, step) ? await stepper.evaluate() : null;
  const metrics = metricsOf(run, { step, window, learningRate, gradNorm, seconds, held });
  if (isDue(plan.loggingSteps, step) || held !== null || step === 1 || step === plan.totalSteps)
    run.emit(recent.add({ type: "log", ...metrics, ...(spec.microBatchMetrics ? microBatchesOf(window, held) : {}) }));
  return metrics;
}

function microBatchesOf(window: Quality, held: Quality | null): Pick<TrainLog, "microBatches" | "evalMicroBatches"> {
  return { microBatches: window.microBatches, ...(held ? { evalMicroBatches: held.microBatches } : {}) };
}

function rateAt({ spec, plan }: Run, step: number): number {
  const { lrSchedulerType: scheduler, learningRate, lrMin } = spec;
  return learningRateAt(
    { scheduler, learningRate, lrMin, warmupSteps: plan.warmupSteps, totalSteps: plan.totalSteps },
    step,
  );
}

async function checkpoint(run: Run, metrics: Metrics): Promise<void> {
  const { spec, trained, state, identity, best, division, emit, fs } = run;
  const { step, epoch, loss, evalLoss } = metrics;
  const progress = {
    step,
    epoch,
    metrics: { loss, evalLoss, ...best.state },
    world: worldOf(division),
    logs: run.recent.lines,
  };
  await checkStillOurs(run);
  const { dir, files } = await saveRun(spec.outputDir, trained, state, identity, progress, fs);
  const removedSteps = await keepCheckpoints(spec, best, fs);
  emit({ type: "checkpoint", step, dir, files, metrics, ...(removedSteps.length > 0 ? { removedSteps } : {}) });
}

/** The step whose weights are the run's result: the last one, or with early stopping the best one, which is put back. */
async function chooseResult({ spec, trained, best, emit, fs }: Run, done: number): Promise<number> {
  const { bestStep, bestValue } = best.state;
  if (!spec.earlyStopping || bestStep === null || bestStep === done) return done;
  await restoreStep(spec.outputDir, bestStep, trained, fs);
  const why = best.verdict() ?? `its ${best.metric} ${bestValue} is the best`;
  const message = `The run ended at step ${done}: ${why}. The checkpoint of step ${bestStep} is its result.`;
  emit({ type: "warning", message });
  return bestStep;
}

async function checkStillOurs({ spec: { outputDir, fence }, fs }: Pick<Run, "spec" | "fs">): Promise<void> {
  if (fence !== undefined) await checkFence(outputDir, fence, fs);
}

/** `adapter/`, or `model/` after full fine-tuning. */
async function saveFinal({ spec, trained, fs }: Run): Promise<string> {
  assertMoved(trained);
  await checkStillOurs({ spec, fs });
  const weights = trained.toWeights();
  const dir = join(spec.outputDir, "adapter" in weights ? "adapter" : "model");
  if ("adapter" in weights) await saveAdapter(dir, weights.adapter, { overwrite: true, fs });
  else await saveModelDir(dir, weights.model, { overwrite: true, fs });
  return dir;
}

/** An adapter whose B is zero changes nothing, however well the loss looks. */
function assertMoved(trained: Trainables): void {
  const [first, ...others] = trained.unmoved();
  if (first === undefined) return;
  throw new EngineError(
    "diverged",
    `The adapter of "${first}"${others.length > 0 ? ` and ${others.length} others` : ""} did not move: its B is still zero.`,
    {
      param: first,
      hint: "Its layer gets no gradient; leave it out of lora.targetModules, or raise learningRate.",
    },
  );
}

function diverged(step: number, loss: number): EngineError {
  return new EngineError("diverged", `The loss became ${loss} at step ${step}.`, {
    param: "learningRate",
    hint: "Lower learningRate, raise warmupSteps, or set maxGradNorm.",
  });
}
