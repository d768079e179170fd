/** The rows of a run as examples, by the method of training. */
import type { BaseModel } from "../base-model.ts";
import type { Example } from "../data/example.ts";
import { countSupervised } from "../data/example.ts";
import { type PreferencePair, preparePreferences } from "../data/preference.ts";
import { prepareDataset } from "../data/prepare.ts";
import { splitItems } from "../data/split.ts";
import type { DatasetReport, DatasetSpec, TrainSpec } from "../spec.ts";
import { loadChatTemplate, parseChatTemplate } from "../text/chat-template.ts";
import { EngineError } from "../util.ts";

/** What turns text into tokens. */
export type TextModel = Pick<BaseModel, "dir" | "tokenizer" | "chatTemplate">;

/** The part of a run's specification that decides its tokens. */
export type DataSpec = Pick<TrainSpec, "dataset" | "maxLength" | "trainOnResponsesOnly"> &
  Partial<
    Pick<
      TrainSpec,
      | "chatTemplate"
      | "columnMapping"
      | "datasetFormat"
      | "dpoBeta"
      | "dryRun"
      | "evalDataset"
      | "evalSplit"
      | "method"
      | "packing"
      | "startedAt"
      | "textStride"
    >
  >;

export interface RunData {
  train: Example[];
  evaluation: Example[];
  report: DatasetReport;
  /** Examples that stay together: 2 for preference pairs, the preferred one first. */
  perSample: 1 | 2;
}

/** Rows that a dry run looks at. */
const dryRunRows = 50;

/** Reads, checks and encodes the data. Throws `invalid_dataset`; `invalid_config` for options that do not go together. */
export async function prepareRunData(model: TextModel, spec: DataSpec, onWarning: OnWarning): Promise<RunData> {
  return spec.method === "dpo" ? preferenceData(model, spec, onWarning) : supervisedData(model, spec, onWarning);
}

/** Told of what differs from what was asked for. */
type OnWarning = (message: string) => void;

/** The run's own template, or the model's, which prints the day on which the run began. */
function templateOf({ dir, tokenizer, chatTemplate }: TextModel, { chatTemplate: source, startedAt }: DataSpec) {
  const options = startedAt === undefined ? {} : { now: () => new Date(startedAt) };
  if (source) return parseChatTemplate(source, dir, tokenizer, options);
  return startedAt === undefined ? chatTemplate : loadChatTemplate(dir, tokenizer, options);
}

async function readingOptions(model: TextModel, spec: DataSpec, onWarning: OnWarning) {
  return {
    onWarning,
    format: spec.datasetFormat,
    columnMapping: spec.columnMapping,
    maxLength: spec.maxLength,
    maxRows: spec.dryRun ? dryRunRows : undefined,
    chatTemplate: await templateOf(model, spec),
  };
}

async function supervisedData(model: TextModel, spec: DataSpec, onWarning: OnWarning): Promise<RunData> {
  const { dataset, evalDataset, evalSplit, trainOnResponsesOnly, textStride } = spec;
  const options = await readingOptions(model, spec, onWarning);
  const { tokenizer } = model;
  return {
    ...(await prepareDataset({
      ...options,
      dataset,
      evalDataset,
      evalSplit,
      trainOnResponsesOnly,
      textStride,
      tokenizer,
    })),
    perSample: 1,
  };
}

async function preferenceData(model: TextModel, spec: DataSpec, onWarning: OnWarning): Promise<RunData> {
  checkPreferenceOptions(spec);
  const options = await readingOptions(model, spec, onWarning);
  const read = (dataset: DatasetSpec) => preparePreferences(dataset, options);
  const found = await read(spec.dataset);
  const held = spec.evalDataset ? await read(spec.evalDataset) : null;
  const { train, evaluation } = spec.evalSplit
    ? splitItems(found.pairs, spec.evalSplit)
    : { train: found.pairs, evaluation: held?.pairs ?? [] };
  const heldDropped = (held?.dropped ?? []).map(({ row, reason }) => ({ row, reason: `evaluation data: ${reason}` }));
  const examples = examplesOf(train);
  const report: DatasetReport = {
    format: "preference",
    rows: train.length,
    evalRows: evaluation.length,
    dropped: [...found.dropped, ...heldDropped],
    tokens: examples.reduce((sum, { ids }) => sum + ids.length, 0),
    supervisedTokens: examples.reduce((sum, example) => sum + countSupervised(example), 0),
    truncated: found.pairs.filter(({ truncated }) => truncated).length,
  };
  return { train: examples, evaluation: examplesOf(evaluation), report, perSample: 2 };
}

const examplesOf = (pairs: readonly PreferencePair[]) =>
  pairs.flatMap(({ preferred, nonPreferred }) => [preferred, nonPreferred]);

function checkPreferenceOptions({ packing, evalDataset, evalSplit, dpoBeta }: DataSpec): void {
  if (packing)
    throw invalid("packing", 'packing is not available with method "dpo"', "Leave it out: each reply has its own row.");
  if (evalDataset && evalSplit)
    throw invalid("evalDataset", "Both evalDataset and a split are given", "Leave out one of the two.");
  if (dpoBeta !== undefined && !(dpoBeta > 0 && Number.isFinite(dpoBeta)))
    throw invalid("dpoBeta", `dpoBeta is ${dpoBeta}; it must be a number above 0`, "0.1 is usual.");
}

const invalid = (param: string, problem: string, hint: string) =>
  new EngineError("invalid_config", `${problem}.`, { param, hint });
