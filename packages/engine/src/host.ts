/** What the process needs that starts workers: where they and the models lie. Loads no native code. */

export { builtinModels } from "./builtin-models.ts";
export { checkDataset } from "./data/dataset.ts";
export { raiseFence } from "./io/fence.ts";
export { type FoundCheckpoint, findCheckpoints } from "./io/found-checkpoints.ts";
export { type ResolveModelOptions, resolveModelDir } from "./io/hub.ts";
export { type CachedModel, listCachedModels, removeCachedModel } from "./io/hub-list.ts";
export type { DownloadProgress } from "./io/hub-repo.ts";
export { EngineError, type EngineErrorCode, isEngineError } from "./util.ts";
export { workerPath } from "./worker-path.ts";
