/** The transport half of `worker.ts`: turns messages into calls of `train` and `generate`, and their outcomes into messages. */
import type { GenerateEvent, GenerateRequest, TrainCommand, TrainEvent, TrainResult, TrainSpec } from "./spec.ts";
import { EngineError, isEngineError } from "./util.ts";
import type { ParentMessage, WorkerErrorBody, WorkerMessage } from "./worker-protocol.ts";

export interface TrainControl {
  /** Report what happened, in order. */
  onEvent(event: TrainEvent): void;
  /** Asked between two steps: the command that came since, once; null when there is none. */
  nextCommand(): TrainCommand | null;
}

export interface WorkerService {
  train(spec: TrainSpec, control: TrainControl): Promise<TrainResult>;
  /** Ends early when `signal` aborts. */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent>;
}

export interface WorkerTransport {
  send(message: WorkerMessage): void;
  /** Calls `listener` with every message of the parent, in order. */
  onMessage(listener: (message: ParentMessage) => void): void;
}

/** A command replaces one that is not taken up yet, unless that one ends more. */
const weights: { [C in TrainCommand]: number } = { pause: 0, stop: 1, cancel: 2 };

function toErrorBody(error: unknown): WorkerErrorBody {
  if (isEngineError(error)) return error.toJSON();
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new EngineError("internal", message, { cause: error }).toJSON();
}

/** Serves requests until the process ends. Sends `ready` once it listens. */
export function serveWorker({ train, generate, send, onMessage }: WorkerService & WorkerTransport): void {
  /** Runs in progress, with the command each has not taken up yet. */
  const commands = new Map<string, TrainCommand | null>();
  const generations = new Map<string, AbortController>();

  const fail = (id: string, error: unknown) => send({ type: "error", id, error: toErrorBody(error) });

  const takeCommand = (id: string): TrainCommand | null => {
    const command = commands.get(id) ?? null;
    commands.set(id, null);
    return command;
  };

  async function runTraining(id: string, spec: TrainSpec): Promise<void> {
    commands.set(id, null);
    try {
      const result = await train(spec, {
        onEvent: (event) => send({ type: "event", id, event }),
        nextCommand: () => takeCommand(id),
      });
      send({ type: "result", id, result });
    } catch (error) {
      fail(id, error);
    } finally {
      commands.delete(id);
    }
  }

  async function runGeneration(id: string, request: GenerateRequest): Promise<void> {
    const controller = new AbortController();
    generations.set(id, controller);
    try {
      for await (const event of generate(request, controller.signal)) {
        controller.signal.throwIfAborted();
        send({ type: "generated", id, event });
        if (event.type === "done") return;
      }
      controller.signal.throwIfAborted();
      throw new EngineError("internal", "The generation ended without a finish reason.");
    } catch (error) {
      fail(id, controller.signal.aborted ? new EngineError("aborted", "The generation was aborted.") : error);
    } finally {
      generations.delete(id);
    }
  }

  const handlers: { [T in ParentMessage["type"]]: (message: Extract<ParentMessage, { type: T }>) => void } = {
    train: ({ id, spec }) => void runTraining(id, spec),
    generate: ({ id, request }) => void runGeneration(id, request),
    abort: ({ id }) => generations.get(id)?.abort(),
    command: ({ id, command }) => {
      const waiting = commands.get(id);
      if (waiting === null || (waiting && weights[waiting] <= weights[command])) commands.set(id, command);
    },
  };

  onMessage((message) => (handlers[message.type] as (message: ParentMessage) => void)(message));
  send({ type: "ready" });
}

/** Wires a service to this process, which must have been forked: IPC both ways, and the end when the parent is gone. */
export function serveProcess(service: WorkerService, process: NodeJS.Process = globalThis.process): void {
  process.on("disconnect", () => process.exit(0));
  // Ctrl-C reaches every process of the terminal: the parent decides, and may want a checkpoint first.
  process.on("SIGINT", () => {});
  serveWorker({
    ...service,
    // A closed channel means that the parent is gone and `disconnect` ends the process: the callback drops the error.
    send: (message) => process.send?.(message, undefined, undefined, () => {}),
    onMessage: (listener) => process.on("message", (message) => listener(message as ParentMessage)),
  });
}
