/** The models that are measured, all of random weights: only shapes matter. */
import { syntheticSpec } from "../packages/engine/src/testing/synthetic.ts";

/** 30.6 M parameters: 8 layers of 512, half as many heads of keys and values as of queries, 8,192 tokens. */
export const medium = syntheticSpec({});

/** 4 layers of 512, 4,096 tokens. */
export const shallow = syntheticSpec({
  layers: 4,
  hiddenSize: 512,
  heads: 8,
  kvHeads: 8,
  intermediateSize: 1536,
  vocabSize: 4096,
});

/** 12 layers of 768, 16,384 tokens. */
export const deep = syntheticSpec({
  layers: 12,
  hiddenSize: 768,
  heads: 12,
  kvHeads: 12,
  intermediateSize: 2048,
  vocabSize: 16384,
});
