/** A training in a process of its own, to be killed. */
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { TrainEvent, TrainLog, TrainResult, TrainSpec } from "../../spec.ts";
import type { ParentMessage, WorkerMessage } from "../../worker-protocol.ts";

export interface TrainingChild {
  /** The run's result; null when the process was killed. Rejects with what the run failed with. */
  ended: Promise<TrainResult | null>;
  pid: number;
  /** kill -9. */
  kill(): void;
  tell(message: ParentMessage): void;
}

const entry = fileURLToPath(new URL("./train-process.ts", import.meta.url));

/** Trains `spec` in a new process; `onMessage` hears everything the worker says. */
export function startTraining(spec: TrainSpec, onMessage: (message: WorkerMessage) => void): TrainingChild {
  const child: ChildProcess = fork(entry, [spec.modelDir], {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: ["--conditions=midrun-source", "--disable-warning=ExperimentalWarning"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const { promise: ended, resolve, reject } = Promise.withResolvers<TrainResult | null>();
  let result: TrainResult | null = null;
  const tell = (message: ParentMessage) => void child.send(message, () => {});
  child.on("message", (message: WorkerMessage) => {
    onMessage(message);
    if (message.type === "ready") tell({ type: "train", id: "run", spec });
    if (message.type === "result") {
      result = message.result;
      child.kill("SIGKILL");
    }
    if (message.type === "error" && message.id === "run")
      reject(Object.assign(new Error(message.error.message), message.error));
  });
  child.on("exit", () => resolve(result));
  return { ended, pid: child.pid!, kill: () => void child.kill("SIGKILL"), tell };
}

/** What a run reports of its steps, without what depends on the clock. */
export type LossLine = Pick<TrainLog, "step" | "loss" | "evalLoss" | "gradNorm" | "learningRate">;

const toLossLine = ({ step, loss, evalLoss, gradNorm, learningRate }: TrainLog): LossLine => ({
  step,
  loss,
  evalLoss,
  gradNorm,
  learningRate,
});

/** Collects the log lines of a run. */
export function lossCollector() {
  const lines: LossLine[] = [];
  const warnings: string[] = [];
  const onEvent = (event: TrainEvent) => {
    if (event.type === "log") lines.push(toLossLine(event));
    if (event.type === "warning") warnings.push(event.message);
  };
  return {
    lines,
    warnings,
    onEvent,
    onMessage: (message: WorkerMessage) => {
      if (message.type === "event") onEvent(message.event);
    },
  };
}

/** SHA-256 of the weights that a run ended with. */
export async function resultHash(outputDir: string, { lora }: Pick<TrainSpec, "lora">): Promise<string> {
  const path = lora === false ? "model/model.safetensors" : "adapter/adapter_model.safetensors";
  return createHash("sha256")
    .update(await readFile(join(outputDir, path)))
    .digest("hex");
}
