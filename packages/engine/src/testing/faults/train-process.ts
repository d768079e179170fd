/** The worker process on one thread, so that campaigns can run many side by side. */
import { type BaseModel, loadBaseModel } from "../../base-model.ts";
import { createGenerator, type Generator } from "../../decode/generate.ts";
import { serveProcess } from "../../serve-worker.ts";
import { train } from "../../train.ts";
import { collectIfAsked } from "./collect.ts";

collectIfAsked();

let model: Promise<BaseModel> | undefined;
let generator: Promise<Generator> | undefined;

const modelOf = () => {
  model ??= loadBaseModel(process.argv[2]!);
  return model;
};
const generatorOf = () => {
  generator ??= modelOf().then((loaded) => createGenerator(loaded));
  return generator;
};

serveProcess({
  train: async (spec, control) => train(await modelOf(), spec, { ...control, threads: 1, peakGflops: 1 }),
  async *generate(request, signal) {
    yield* (await generatorOf()).generate(request, signal);
  },
});
