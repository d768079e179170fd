/** Decodes sequences of one base model, each with any of its adapters or none, together where they wait at the same time. */
import type { BaseModel } from "../base-model.ts";
import { type LoraWeights, planOf } from "../models/adapter.ts";
import { mergedWeights } from "../models/merge.ts";
import { denseModel } from "../models/packed.ts";
import { checkAdapter } from "./lora-batch.ts";
import { createPasses, type PassOptions } from "./passes.ts";
import { createSequences, type Sequence } from "./sequences.ts";

export type { Sequence } from "./sequences.ts";

export interface DecodeSession {
  /** Throws `invalid_model` for an adapter of another model, `diverged` for one with numbers that cannot be computed with. */
  start(adapter?: LoraWeights): Sequence;
  release(): Promise<void>;
}

export interface DecodeOptions extends PassOptions {
  /** Bytes of keys and values of recent prompts that are kept. Default 256 MiB; 0 = none. */
  prefixBytes?: number;
}

type Model = Pick<BaseModel, "spec" | "weights">;

export function createDecodeSession(model: Model, options: DecodeOptions = {}): DecodeSession {
  const own = createPlainSession(model, options);
  let merged: { adapter: LoraWeights; session: DecodeSession } | null = null;

  /** DoRA stretches the weights' own products, which no gate can hold apart: it is decoded as a model of its own, the last one kept. */
  function mergedSession(adapter: LoraWeights): DecodeSession {
    if (merged?.adapter !== adapter) {
      checkAdapter(adapter);
      const { spec, weights } = denseModel(model);
      // Sequences of an earlier adapter may still run; what they use is freed after them.
      merged = { adapter, session: createPlainSession({ spec, weights: mergedWeights(weights, adapter) }, options) };
    }
    return merged.session;
  }

  return {
    start(adapter) {
      if (adapter !== undefined) planOf(model.spec, adapter);
      return adapter?.useDora ? mergedSession(adapter).start() : own.start(adapter);
    },
    async release() {
      await own.release();
      await merged?.session.release();
    },
  };
}

function createPlainSession(model: Model, options: DecodeOptions): DecodeSession {
  const passes = createPasses(model, options);
  const sequences = createSequences(model.spec, passes.run, options.prefixBytes ?? 2 ** 28);
  return {
    start: (adapter) => sequences.start(adapter),
    async release() {
      await sequences.idle();
      await passes.release();
    },
  };
}
