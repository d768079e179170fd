/** Exports what a job trained, on this machine: the engine reads the base model and writes the directory. */
import type { ExportDtype, MergedExport } from "@midrun/engine";
import { isMidrunError } from "../../errors.ts";
import { fromEngineError } from "./engine-messages.ts";

export type { ExportDtype, MergedExport };

/** What was trained: an adapter in PEFT's format, or a whole model after full fine-tuning. */
export type TrainedFiles = { adapterDir: string } | { modelDir: string };

export interface ExportMergedInput {
  /** Base model as a job names it: hub id, directory or built-in. */
  model: string;
  trained: TrainedFiles;
  /** New, or empty. */
  outDir: string;
  dtype: ExportDtype;
}

async function withEngine<T>(work: (engine: typeof import("@midrun/engine")) => Promise<T>): Promise<T> {
  const engine = await import("@midrun/engine");
  try {
    return await work(engine);
  } catch (error) {
    throw engine.isEngineError(error) && !isMidrunError(error) ? fromEngineError(error.toJSON()) : error;
  }
}

/** A model directory that needs no adapter, compared with the trained model before it is there. Throws MidrunError. */
export const exportMergedModel = ({ model, ...options }: ExportMergedInput): Promise<MergedExport> =>
  withEngine(async ({ exportMerged, resolveModelDir, builtinModels }) =>
    exportMerged({ ...options, baseDir: await resolveModelDir(model, { builtins: builtinModels }) }),
  );

/** An adapter directory as PEFT reads it. Throws MidrunError. */
export const exportPeftAdapter = (adapterDir: string, outDir: string): Promise<{ files: string[] }> =>
  withEngine(({ exportPeft }) => exportPeft({ adapterDir, outDir }));
