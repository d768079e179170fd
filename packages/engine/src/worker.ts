/** The process that the embedded runner forks: one base model in memory; it trains and answers at the same time. */
import { type BaseModel, loadBaseModel } from "./base-model.ts";
import type { Generator } from "./decode/generate.ts";
import { serveProcess } from "./serve-worker.ts";
import { createToolGenerator } from "./tools/tool-generator.ts";
import { train } from "./train.ts";
import type { WorkerSettings } from "./worker-protocol.ts";

interface Loaded {
  model: BaseModel;
  generator: Generator;
}

async function load(dir: string, { weightBits, generationWeights }: WorkerSettings): Promise<Loaded> {
  const model = await loadBaseModel(dir, weightBits === undefined ? {} : { weightBits });
  const weights = generationWeights === undefined ? {} : { weights: generationWeights };
  return { model, generator: createToolGenerator(model, { ...weights, spin: () => running === 0 }) };
}

let loading: Promise<Loaded> | undefined;

/** Loads the model at the first request, so that a model that cannot be loaded fails that request with its own error. */
function loaded(): Promise<Loaded> {
  loading ??= load(process.argv[2]!, JSON.parse(process.argv[3] ?? "{}"));
  return loading;
}

/** Training runs in progress. */
let running = 0;

serveProcess({
  async train(spec, control) {
    const { model } = await loaded();
    running++;
    try {
      return await train(model, spec, control);
    } finally {
      running--;
    }
  },
  async *generate(request, signal) {
    yield* (await loaded()).generator.generate(request, signal);
  },
});
