/**
 * A worker process without a model, for tests of what forks workers. Its first row of inline data is its script:
 * `{ crashAtStep }` ends the process, `{ failAtStep }` fails the training, `{ hang: true }` never comes to its first step, `{ deaf: true }`
 * does not end when it is asked to, `{ stuckAtStep }` never ends that step, `{ killedAtStep, fitsInParts }` is killed there while
 * its micro-batches have fewer parts.
 */
import { access, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout } from "node:timers/promises";
import { encodeStateFile } from "../io/checkpoint-state.ts";
import { checkFence, raiseFence } from "../io/fence.ts";
import { serveProcess, type TrainControl } from "../serve-worker.ts";
import type { GenerateEvent, GenerateRequest, TrainLog, TrainResult, TrainSpec } from "../spec.ts";
import { EngineError } from "../util.ts";

interface Script {
  crashAtStep?: number;
  failAtStep?: number;
  hang?: boolean;
  deaf?: boolean;
  stuckAtStep?: number;
  killedAtStep?: number;
  fitsInParts?: number;
}

const scriptOf = ({ dataset }: TrainSpec): Script => (dataset.type === "inline" ? (dataset.rows[0] as Script) : {});

const files = ["adapter_config.json", "adapter_model.safetensors"];
const checkpointFiles = [...files, "state.json"];

function stateFile({ step, epoch, loss, evalLoss }: Omit<TrainLog, "type">): string {
  const none = "0".repeat(64);
  const fingerprints = { model: none, dataset: none, spec: none };
  const state = { step, epoch, dataCursor: {}, rng: {}, schedule: {}, metrics: { loss, evalLoss }, fingerprints };
  return encodeStateFile({ state, files: {} });
}

async function save(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  for (const file of files) await writeFile(join(dir, file), "");
  return dir;
}

async function lastStep(checkpoints: string): Promise<number> {
  const names = await readdir(checkpoints).catch(() => []);
  return Math.max(0, ...names.map((name) => Number(name.replace("step-", ""))));
}

function metricsOf(step: number, totalSteps: number): Omit<TrainLog, "type"> {
  const measured = { step, totalSteps, epoch: step / totalSteps, loss: 4 / step, learningRate: 1e-4, gradNorm: 1 };
  const speeds = { tokensPerSecond: null, samplesPerSecond: null, gflops: null, mfu: null };
  const shares = { accuracy: 0.5, paddingShare: 0, supervisedShare: 1 };
  return { ...measured, ...speeds, ...shares, evalLoss: null, evalAccuracy: null };
}

const report = {
  format: "text",
  rows: 1,
  evalRows: 0,
  dropped: [],
  tokens: 1,
  supervisedTokens: 1,
  truncated: 0,
} as const;

async function train(spec: TrainSpec, { onEvent, nextCommand }: TrainControl): Promise<TrainResult> {
  const script = scriptOf(spec);
  const checkpoints = join(spec.outputDir, "checkpoints");
  const totalSteps = spec.maxSteps ?? 4;
  const saveSteps = typeof spec.saveSteps === "number" ? spec.saveSteps : 2;
  const { outputDir, fence } = spec;
  if (fence !== undefined) await raiseFence(outputDir, fence);
  let step = await lastStep(checkpoints);
  let ending = false;
  let saved = step;
  const saveCheckpoint = async () => {
    if (saved === step) return;
    saved = step;
    if (fence !== undefined) await checkFence(outputDir, fence);
    const dir = await save(join(checkpoints, `step-${String(step).padStart(6, "0")}`));
    const metrics = metricsOf(step, totalSteps);
    await writeFile(join(dir, "state.json"), stateFile(metrics));
    onEvent({ type: "checkpoint", step, dir, files: checkpointFiles, metrics });
  };

  onEvent({
    type: "started",
    totalSteps,
    trainableParameters: 8,
    dataset: { ...report, dropped: [] },
    resumedFromStep: step,
    fingerprints: { model: "a", dataset: "b", spec: "c" },
    estimate: { memoryBytes: 1e9, flopsPerEpoch: 3e12, secondsPerEpoch: 90 },
  });
  if (script.deaf) process.on("SIGTERM", () => {});
  if (script.hang || script.deaf) await new Promise(() => setInterval(() => {}, 1000));
  for (let command = nextCommand(); step < totalSteps; command = nextCommand()) {
    if (command === "cancel") return { status: "cancelled", step, adapterDir: null, metrics: null };
    if (command === "pause") {
      await saveCheckpoint();
      return { status: "paused", step, adapterDir: null, metrics: null };
    }
    ending ||= command === "stop";
    if (ending && step > 0) break;
    step++;
    if (step === script.stuckAtStep) await new Promise(() => setInterval(() => {}, 1000));
    if (step === script.failAtStep) throw new EngineError("diverged", `Loss is NaN at step ${step}.`);
    const isKilled = step === script.killedAtStep && (spec.microBatchParts ?? 1) < (script.fitsInParts ?? Infinity);
    if (isKilled) process.kill(process.pid, "SIGKILL");
    if (step === script.crashAtStep) {
      process.stderr.write("out of luck");
      process.kill(process.pid, "SIGKILL");
    }
    onEvent({ type: "log", ...metricsOf(step, totalSteps) });
    if (saveSteps > 0 && step % saveSteps === 0) await saveCheckpoint();
    // Long enough for a command to come in between.
    await setTimeout(2);
  }
  await saveCheckpoint();
  const adapterDir = await save(join(spec.outputDir, "adapter"));
  return { status: "completed", step, adapterDir, metrics: metricsOf(step, totalSteps) };
}

function textOf(prompt: GenerateRequest["prompt"]): string {
  if ("text" in prompt) return prompt.text;
  return "ids" in prompt ? prompt.ids.join(" ") : (prompt.messages.at(-1)?.content ?? "");
}

/** Says back the last message, a word a token. */
async function* generate(
  { prompt, maxTokens, adapterDir }: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent> {
  if (adapterDir) await access(adapterDir);
  const text = textOf(prompt);
  if (text === "crash") process.exit(3);
  const words = text.split(" ");
  const given = words.slice(0, maxTokens);
  for (const [i, word] of given.entries()) {
    await nextTurn();
    if (signal.aborted) return;
    yield { type: "delta", index: 0, delta: `${word} `, tokens: i + 1 };
  }
  const finishReason = given.length < words.length ? "length" : "stop";
  yield {
    type: "done",
    finishReason,
    finishReasons: [finishReason],
    promptTokens: words.length,
    completionTokens: given.length,
  };
}

serveProcess({ train, generate });
