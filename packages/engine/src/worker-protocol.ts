/**
 * What a worker process and its parent say to each other: plain data over IPC (`serialization: "advanced"`).
 *
 * The parent starts `worker.ts` with the base model's directory and, as JSON, `WorkerSettings`, and waits for `ready` before it sends
 * anything. `ready` means "listening"; a model that cannot be loaded fails each request with its own error.
 * Every `train` and `generate` carries an `id` chosen by the parent and ends in exactly one last message with that id:
 * `result` or `error` for training, `generated` with a `done` event or `error` for generation.
 * A worker whose parent is gone (`disconnect`) ends itself.
 */
import type { WeightFormat } from "./decode/generation-weights.ts";
import type { GenerateEvent, GenerateRequest, TrainCommand, TrainEvent, TrainResult, TrainSpec } from "./spec.ts";
import type { EngineError } from "./util.ts";

/** How a worker holds its model. */
export interface WorkerSettings {
  /** In how many bits the linear weights are held. Default: as they are in the file. */
  weightBits?: 4 | 8;
  /** What answers are computed with. Default: `defaultWeights`, by the model's size. */
  generationWeights?: WeightFormat;
}

export type ParentMessage =
  | { type: "train"; id: string; spec: TrainSpec }
  /** Taken up between two steps; a later command replaces one not yet taken up, but `pause` never `stop`, and nothing `cancel`. */
  | { type: "command"; id: string; command: TrainCommand }
  | { type: "generate"; id: string; request: GenerateRequest }
  /** Ends a generation; it answers with an `aborted` error. */
  | { type: "abort"; id: string };

export type WorkerMessage =
  | { type: "ready" }
  | { type: "event"; id: string; event: TrainEvent }
  | { type: "result"; id: string; result: TrainResult }
  | { type: "generated"; id: string; event: GenerateEvent }
  | { type: "error"; id: string; error: WorkerErrorBody };

export type WorkerErrorBody = ReturnType<EngineError["toJSON"]>;
