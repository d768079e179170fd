/** What a run is made with, as its user may read it and pass it on. */
import type { DatasetSpec, TrainSpec } from "@midrun/engine";
import { withoutSecrets } from "../hide-tokens.ts";

/** Rows are counted, not copied; what lets its bearer in is left out. */
const describeDataset = (source: DatasetSpec): Record<string, unknown> =>
  source.type === "inline" ? { type: "inline", rows: source.rows.length } : { ...withoutSecrets(source) };

/** Every option, defaults filled in; the model by its name, and nothing about where this run's files lie. */
export function toEffectiveConfig(spec: TrainSpec): Record<string, unknown> {
  const { modelDir, modelName, outputDir, initialAdapterDir, dataset, evalDataset, ...options } = spec;
  return {
    model: modelName,
    dataset: describeDataset(dataset),
    ...(evalDataset ? { evalDataset: describeDataset(evalDataset) } : {}),
    continuesFromAdapter: initialAdapterDir !== undefined,
    ...options,
  };
}
