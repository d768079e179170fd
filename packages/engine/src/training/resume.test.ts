import { expect, test } from "vitest";
import type { BaseModel } from "../base-model.ts";
import type { TrainSpec } from "../spec.ts";
import { identify } from "./resume.ts";
import type { RunPlan } from "./run-plan.ts";
import type { Trainables } from "./trainables.ts";

test("what a checkpoint keeps of its spec holds no token and no place of the data", () => {
  const spec: Partial<TrainSpec> = {
    dataset: { type: "huggingface", name: "acme/qa", token: "hf_secret" },
    evalDataset: { type: "blob", url: "https://a.example/t.jsonl?signature=secret", token: "secret" },
    columnMapping: { prompt: "question" },
    seed: 1,
  };
  const model = { spec: {}, weights: {} } as BaseModel;
  const { options } = identify(
    model,
    spec as TrainSpec,
    { rows: [], evalRows: [] } as unknown as RunPlan,
    {} as Trainables,
  );
  expect(options).toEqual({ columnMapping: { prompt: "question" }, seed: 1 });
});
