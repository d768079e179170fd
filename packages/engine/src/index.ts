/** The public list of `@midrun/engine`. */

export { type BaseModel, loadBaseModel } from "./base-model.ts";
export { type MachineSpeed, type MeasureOptions, measureMachine } from "./bench/measure-machine.ts";
export type { Histogram, Inspection, TokenView } from "./data/inspect.ts";
export type { Generator } from "./decode/generate.ts";
export type { ExportCheck } from "./export/compare.ts";
export {
  exportMerged,
  exportPeft,
  type MergedExport,
  type MergeOptions,
  type PeftOptions,
} from "./export/export-model.ts";
export type { ExportDtype } from "./export/tensors.ts";
export * from "./host.ts";
export type * from "./spec.ts";
export { createToolGenerator as createGenerator } from "./tools/tool-generator.ts";
export { type TrainOptions, train } from "./train.ts";
export {
  type EstimatedRun,
  type EstimateOptions,
  estimateRun,
  type MemoryEstimate,
  type RunEstimate,
} from "./training/estimate.ts";
export { type InspectDatasetOptions, type InspectedData, inspectDataset } from "./training/inspect-dataset.ts";
export type * from "./worker-protocol.ts";
