/** Where a base model lies: asked of the engine, which may have to download it. One search at a time for each name. */
import { isMidrunError } from "../../errors.ts";
import { fromEngineError } from "./engine-messages.ts";

/** What the embedded runner needs of `@midrun/engine`. */
export type Engine = Pick<
  typeof import("@midrun/engine/host"),
  | "workerPath"
  | "builtinModels"
  | "resolveModelDir"
  | "checkDataset"
  | "isEngineError"
  | "raiseFence"
  | "findCheckpoints"
>;

export interface ModelFinder {
  engine(): Promise<Engine>;
  /** The model's directory. Throws what the engine throws, as MidrunError. */
  find(name: string): Promise<string>;
  /** Waits no longer than so; a search that takes longer goes on, and its failure is the next caller's. */
  findWithin(name: string, timeoutMs: number): Promise<void>;
}

export function createModelFinder(loadEngine: () => Promise<Engine>): ModelFinder {
  const searches = new Map<string, Promise<string>>();
  let loading: Promise<Engine> | undefined;

  const engine = () => {
    loading ??= loadEngine();
    return loading;
  };

  async function search(name: string): Promise<string> {
    const { resolveModelDir, builtinModels, isEngineError } = await engine();
    try {
      return await resolveModelDir(name, { builtins: builtinModels });
    } catch (error) {
      throw isEngineError(error) && !isMidrunError(error) ? fromEngineError(error.toJSON()) : error;
    }
  }

  const find = (name: string): Promise<string> => {
    const running = searches.get(name) ?? search(name).finally(() => searches.delete(name));
    searches.set(name, running);
    return running;
  };

  return {
    engine,
    find,
    async findWithin(name, timeoutMs) {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, timeoutMs);
      const found = find(name);
      found.catch(() => {});
      await Promise.race([found, late.promise]).finally(() => clearTimeout(timer));
    },
  };
}
