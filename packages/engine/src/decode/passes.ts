/** Runs decoding passes: the compiled graphs, and what they are fed besides a cache. */
import type { BaseModel } from "../base-model.ts";
import type { LoraWeights } from "../models/adapter.ts";
import { createSession, type Session } from "../onnx/session.ts";
import type { PassResult, RunPass } from "./batcher.ts";
import { decodeFeeds, decodeGraph, openSizes } from "./decode-graph.ts";
import { createPassWeights, defaultThreads, defaultWeights, type WeightFormat } from "./generation-weights.ts";
import type { KvCache } from "./kv-cache.ts";
import { createLoraBatch, gateOf, type LoraBatch, type LoraModules } from "./lora-batch.ts";
import { recent } from "./recent.ts";

/** Sets of adapters whose joined matrices are kept. */
const keptSets = 4;

export interface PassOptions {
  /** Threads of one operation. Default: one for models of less than 10 million weights, else as many as cores. */
  threads?: number;
  /**
   * What answers are computed with. Default: the exact weights (`f32`) below 100 million of them, else 8 bits (`int8`), or 4 where those do
   * not fit.
   */
  weights?: WeightFormat;
  /**
   * Asked before each pass: whether idle threads may wait busily for the next operation, which is faster alone and several times slower
   * beside a training run. A change compiles the graphs again. Default: they may.
   */
  spin?(): boolean;
}

export interface Passes {
  run: RunPass;
  release(): Promise<void>;
}

export function createPasses(model: Pick<BaseModel, "spec" | "weights">, options: PassOptions): Passes {
  const { spec, weights } = model;
  const threads = options.threads ?? defaultThreads(spec);
  const weightsOf = createPassWeights(model, options.weights ?? defaultWeights(spec));
  const open = openSizes(spec);
  const compiled = new Map<string, Promise<Session>>();
  let spin = true;
  const sets = recent<LoraBatch>(keptSets);
  const numbers = new WeakMap<LoraWeights, number>();
  let count = 0;

  function sessionFor(modules: LoraModules | null): Promise<Session> {
    const key = modules === null ? "" : [...modules.keys()].sort().join();
    const found =
      compiled.get(key) ?? createSession(decodeGraph(spec, open, modules, weightsOf()), { threads, open, spin });
    compiled.set(key, found);
    return found;
  }

  async function forget(): Promise<void> {
    for (const session of await Promise.all(compiled.values())) await session.release();
    compiled.clear();
  }

  async function adaptTo(wanted: boolean): Promise<void> {
    if (wanted !== spin) await forget();
    spin = wanted;
  }

  function numberOf(adapter: LoraWeights): number {
    if (!numbers.has(adapter)) numbers.set(adapter, ++count);
    return numbers.get(adapter)!;
  }

  /** In the order of their first use, so that equal sets are joined equally. */
  function loraOf(rows: readonly ({ adapter: LoraWeights | undefined } | null)[]): LoraBatch | null {
    const found = new Set(rows.flatMap((row) => row?.adapter ?? []));
    const adapters = [...found].sort((a, b) => numberOf(a) - numberOf(b));
    return adapters.length === 0 ? null : sets(adapters.map(numberOf).join(), () => createLoraBatch(adapters));
  }

  return {
    async run(cache, rows, tokens, length) {
      await adaptTo(options.spin?.() ?? true);
      const lora = loraOf(rows);
      const session = await sessionFor(lora?.modules ?? null);
      const gate =
        lora &&
        gateOf(
          lora,
          rows.map((row) => row?.adapter),
          length,
        );
      const feeds = {
        ...weights,
        ...lora?.feeds,
        ...(gate && { "lora.gate": gate }),
        ...decodeFeeds(spec, cache, tokens, length),
      };
      const sizes = { batch: cache.batch, length, past: cache.capacity, rank: lora?.rank ?? 0 };
      return toResult(await session.run(feeds, sizes), cache);
    },
    release: forget,
  };
}

function toResult(results: Record<string, Float32Array>, { layers }: KvCache): PassResult {
  const present = layers.map((_, layer) => ({
    keys: results[`present.${layer}.keys`]!,
    values: results[`present.${layer}.values`]!,
  }));
  return { logits: results.logits!, present };
}
