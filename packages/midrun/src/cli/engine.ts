/** What the command line asks of the engine itself, on this machine: looking at data, downloading models, measuring. */
import { fromEngineError } from "../server/runners/engine-messages.ts";

type Host = typeof import("@midrun/engine/host");
type Engine = typeof import("@midrun/engine");

/** Without native code. Throws what the engine throws as MidrunError. */
export async function withHost<T>(work: (host: Host) => Promise<T>): Promise<T> {
  return translated(await import("@midrun/engine/host"), work);
}

/** With ONNX Runtime. Throws what the engine throws as MidrunError. */
export async function withEngine<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
  return translated(await import("@midrun/engine"), work);
}

async function translated<E extends Pick<Host, "isEngineError">, T>(
  engine: E,
  work: (engine: E) => Promise<T>,
): Promise<T> {
  try {
    return await work(engine);
  } catch (error) {
    throw engine.isEngineError(error) ? fromEngineError(error.toJSON()) : error;
  }
}
