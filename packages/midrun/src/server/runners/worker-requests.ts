/** The two things a worker is asked, each as one call. */
import type { TrainResult, WorkerMessage } from "@midrun/engine";
import { MidrunError } from "../../errors.ts";
import type { GenerateEvent, GenerateInput, RunnerEvent } from "../runner.ts";
import { toEffectiveConfig } from "./effective-config.ts";
import { fromEngineError, toGenerateRequest, toRunnerEvent } from "./engine-messages.ts";
import { createInbox } from "./inbox.ts";
import type { TrainOrder } from "./train-spec.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Trains. The order's warnings follow the start of a run, and are not repeated when it is continued. */
export async function trainInWorker(
  worker: WorkerProcess,
  id: string,
  { spec, warnings }: TrainOrder,
  onEvent: (event: RunnerEvent) => void,
): Promise<TrainResult> {
  const ended = Promise.withResolvers<TrainResult>();
  const onReply = (message: WorkerMessage) => {
    if (message.type === "error") ended.reject(fromEngineError(message.error));
    if (message.type === "result") ended.resolve(message.result);
    if (message.type !== "event") return;
    const event = toRunnerEvent(message.event);
    onEvent(event.type === "training.started" ? { ...event, config: toEffectiveConfig(spec) } : event);
    if (message.event.type !== "started" || message.event.resumedFromStep > 0) return;
    for (const warning of warnings) onEvent({ type: "training.warning", message: warning });
  };
  worker.begin(id, { type: "train", id, spec }, { onReply, onDeath: ended.reject });
  try {
    return await ended.promise;
  } finally {
    worker.end(id);
  }
}

/** Generates. Leaving the loop, or the input's signal, ends it in the worker too. */
export async function* generateInWorker(
  worker: WorkerProcess,
  id: string,
  input: GenerateInput,
): AsyncGenerator<GenerateEvent> {
  const { signal } = input;
  const inbox = createInbox<GenerateEvent>();
  let over = false;
  const onReply = (message: WorkerMessage) => {
    if (message.type === "generated") inbox.push(message.event);
    if (message.type === "error") inbox.fail(fromEngineError(message.error));
    over = message.type === "error" || (message.type === "generated" && message.event.type === "done");
  };
  const onDeath = (error: MidrunError) => {
    over = true;
    inbox.fail(error);
  };
  const aborted = () => new MidrunError("aborted", "The generation was aborted.");
  const abort = () => inbox.fail(aborted());
  worker.begin(id, { type: "generate", id, request: toGenerateRequest(input) }, { onReply, onDeath });
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    for await (const event of inbox) {
      // What had come before the abort is not wanted any more.
      if (signal.aborted) throw aborted();
      yield event;
      if (event.type === "done") return;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    if (!over) worker.tell({ type: "abort", id });
    worker.end(id);
  }
}
