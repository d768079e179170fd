/** From the job's specification to the engine's: every default in one table, everything not offered refused by name. */
import type { DatasetSpec, LoraSpec, StepCount, TrainSpec } from "@midrun/engine";
import { MidrunError } from "../../errors.ts";
import type { DatasetSource, JobSpec, Steps } from "../../protocol/job.ts";

/** What a job gets that its user did not say. */
export const trainDefaults = {
  r: 16,
  alpha: 16,
  /** Tokens. */
  maxLength: 1024,
  batchSize: 8,
  gradientAccumulationSteps: 1,
  numTrainEpochs: 3,
  /** An adapter starts from zero and wants about ten times the rate of full fine-tuning; preferences want far less. */
  learningRate: { sft: { lora: 2e-4, full: 2e-5 }, dpo: { lora: 1e-5, full: 1e-6 } },
  lrSchedulerType: "linear",
  lrMin: 0,
  warmupSteps: { ratio: 0.03 },
  weightDecay: 0,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
  maxGradNorm: 1,
  loggingSteps: 1,
  /** Ten checkpoints to talk to, and no more than a tenth of the run to lose. */
  saveSteps: { ratio: 0.1 },
  /** With held-out rows; without, none. */
  evalSteps: { ratio: 0.1 },
  evalSplit: { testSize: 0.1, seed: 42 },
  seed: 42,
} as const;

/** Where the job is done. */
export interface TrainPlace {
  modelDir: string;
  outputDir: string;
  /** When the job first began; templates print that day, also after a restart. */
  startedAt?: string | null;
  /** Keeps earlier runs in `outputDir` from writing. */
  fence?: number;
  /** Last step in the job's history. */
  historyStep?: number;
  /** Compute each micro-batch in so many parts. Default 1. */
  microBatchParts?: number;
  /** Adapter to go on from. */
  initialAdapterDir?: string | null;
}

/** What the engine is given, and what the job's user should be told about it. */
export interface TrainOrder {
  spec: TrainSpec;
  warnings: string[];
}

const invalid = (param: string, message: string, hint: string) =>
  new MidrunError("invalid_config", message, { param, hint });

const notSupported = (param: string, what: string, hint: string) =>
  new MidrunError("not_supported", `${param}: ${what} not available in the embedded engine yet.`, { param, hint });

const datasetHint =
  'Use {"type":"file","path":…} with a file on the server\'s machine, or {"type":"inline","rows":[…]}.';

function toDataset(source: DatasetSource, param: string): DatasetSpec {
  if (source.type === "file") return { type: "file", path: source.path };
  if (source.type === "files") return { type: "files", paths: source.paths, content: source.content ?? "rows" };
  if (source.type === "inline") return { type: "inline", rows: source.rows };
  if (source.type === "upload") throw notSupported(`${param}.type`, "data sets that were uploaded are", datasetHint);
  return source;
}

/** A setting that its method does not read. */
function refuseIdle({ method, dpoBeta }: JobSpec): void {
  if (dpoBeta !== undefined && method !== "dpo")
    throw invalid("dpoBeta", `dpoBeta is given, but the method is "${method}".`, 'Set method to "dpo".');
}

/** Two answers to one question. */
function refuseBothSizes({ lora }: JobSpec): void {
  if (lora !== false && lora?.loadIn4bit && lora.loadIn8bit)
    throw invalid("lora.loadIn8bit", "lora.loadIn4bit and lora.loadIn8bit are both true.", "Choose one of them.");
}

const toSteps = (steps: Steps | undefined, fallback: StepCount): StepCount => {
  if (steps === undefined) return fallback;
  if (typeof steps === "number") return steps;
  return "steps" in steps ? steps.steps : { ratio: steps.ratio };
};

const isNever = (steps: StepCount) => (typeof steps === "number" ? steps : steps.ratio) === 0;

function toWarmup({ warmupSteps, warmupRatio }: JobSpec): StepCount {
  if (warmupRatio === undefined) return toSteps(warmupSteps, trainDefaults.warmupSteps);
  if (warmupSteps === undefined) return { ratio: warmupRatio };
  throw invalid("warmupRatio", "Both warmupSteps and warmupRatio are given.", "Give one of them.");
}

interface Evaluation {
  evalSteps: StepCount;
  evalSplit?: NonNullable<TrainSpec["evalSplit"]>;
  evalDataset?: DatasetSpec;
  warnings: string[];
}

const toSplit = ({ testSize, seed, take }: NonNullable<JobSpec["datasetSplit"]>): Evaluation["evalSplit"] => ({
  testSize,
  seed,
  ...(take === undefined ? {} : { take }),
});

/** Held-out rows and how often they are looked at: neither without the other. */
function toEvaluation({ evalSteps, evalDataset, datasetSplit, earlyStopping }: JobSpec): Evaluation {
  const split = datasetSplit?.enabled ? toSplit(datasetSplit) : undefined;
  if (evalDataset && split) {
    throw invalid(
      "evalDataset",
      "Both evalDataset and datasetSplit are given.",
      "Hold rows out in one of the two ways.",
    );
  }
  const isLookedAt = evalDataset || split || (earlyStopping && earlyStopping.metric !== "loss");
  const asked = toSteps(evalSteps, isLookedAt ? trainDefaults.evalSteps : 0);
  if (evalDataset) {
    return { evalSteps: asked, evalDataset: toDataset(evalDataset, "evalDataset"), warnings: [] };
  }
  if (split) return { evalSteps: asked, evalSplit: split, warnings: [] };
  if (isNever(asked)) return { evalSteps: 0, warnings: [] };
  const what = evalSteps === undefined ? "earlyStopping" : "evalSteps";
  if (datasetSplit) {
    throw invalid(
      what,
      `${what} is given, but no rows are held out: datasetSplit is switched off and there is no evalDataset.`,
      `Enable datasetSplit, give an evalDataset, or leave ${what} out.`,
    );
  }
  const { testSize, seed } = trainDefaults.evalSplit;
  const warning =
    `${what} is given without held-out rows, so ${testSize * 100} % of the data set are held out (seed ${seed}). ` +
    "Set datasetSplit or evalDataset to choose them.";
  return { evalSteps: asked, evalSplit: { testSize, seed }, warnings: [warning] };
}

function toLora(lora: JobSpec["lora"]): LoraSpec | false {
  if (lora === false) return false;
  const { r = trainDefaults.r, alpha = trainDefaults.alpha, maxLength: _, ...optional } = lora ?? {};
  return { r, alpha, ...given(optional) };
}

/** Without the fields that are undefined. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

const toFormat = (format: JobSpec["datasetFormat"]) => (typeof format === "object" ? format.type : format);

const toColumnMapping = (format: JobSpec["datasetFormat"]): Pick<TrainSpec, "columnMapping"> =>
  typeof format === "object" && format.columnMapping ? { columnMapping: format.columnMapping } : {};

const responsesOnly = (value: JobSpec["trainOnResponsesOnly"]) =>
  typeof value === "object" ? value.enabled : (value ?? true);

/**
 * The engine's specification of a job.
 * @throws MidrunError `invalid_config` for settings that contradict each other, `not_supported` for what there is not
 */
export function toTrainSpec(
  spec: JobSpec,
  { modelDir, outputDir, fence, initialAdapterDir, startedAt, historyStep, microBatchParts = 1 }: TrainPlace,
): TrainOrder {
  refuseBothSizes(spec);
  refuseIdle(spec);
  const { warnings, ...evaluation } = toEvaluation(spec);
  const datasetFormat = toFormat(spec.datasetFormat);
  const epochs = spec.maxSteps === undefined ? (spec.numTrainEpochs ?? trainDefaults.numTrainEpochs) : undefined;
  const train: TrainSpec = {
    modelDir,
    modelName: spec.model,
    outputDir,
    ...given({ fence }),
    dataset: toDataset(spec.dataset, "dataset"),
    ...(spec.method === "dpo" ? { method: "dpo", ...given({ dpoBeta: spec.dpoBeta }) } : {}),
    ...(datasetFormat === undefined ? {} : { datasetFormat }),
    ...toColumnMapping(spec.datasetFormat),
    ...evaluation,
    lora: toLora(spec.lora),
    ...(initialAdapterDir == null ? {} : { initialAdapterDir }),
    ...(startedAt == null ? {} : { startedAt }),
    ...(historyStep === undefined ? {} : { historyStep }),
    ...(microBatchParts === 1 ? {} : { microBatchParts }),
    maxLength: (spec.lora ? spec.lora.maxLength : undefined) ?? trainDefaults.maxLength,
    ...(spec.textStride === undefined ? {} : { textStride: spec.textStride }),
    ...(spec.chatTemplate === undefined ? {} : { chatTemplate: spec.chatTemplate }),
    ...(spec.microBatchMetrics === undefined ? {} : { microBatchMetrics: spec.microBatchMetrics }),
    trainOnResponsesOnly: responsesOnly(spec.trainOnResponsesOnly),
    ...(spec.maxSteps === undefined ? {} : { maxSteps: spec.maxSteps }),
    ...(epochs === undefined ? {} : { numTrainEpochs: epochs }),
    batchSize: spec.batchSize ?? trainDefaults.batchSize,
    gradientAccumulationSteps: spec.gradientAccumulationSteps ?? trainDefaults.gradientAccumulationSteps,
    packing: spec.packing ?? false,
    learningRate: spec.learningRate ?? trainDefaults.learningRate[spec.method][spec.lora === false ? "full" : "lora"],
    lrSchedulerType: spec.lrSchedulerType ?? trainDefaults.lrSchedulerType,
    lrMin: spec.lrMin ?? trainDefaults.lrMin,
    warmupSteps: toWarmup(spec),
    weightDecay: spec.weightDecay ?? trainDefaults.weightDecay,
    adamBeta1: trainDefaults.adamBeta1,
    adamBeta2: trainDefaults.adamBeta2,
    adamEpsilon: trainDefaults.adamEpsilon,
    maxGradNorm: spec.maxGradNorm ?? trainDefaults.maxGradNorm,
    loggingSteps: toSteps(spec.loggingSteps, trainDefaults.loggingSteps),
    saveSteps: toSteps(spec.saveSteps, trainDefaults.saveSteps),
    ...given({ keepCheckpoints: spec.keepCheckpoints }),
    ...(spec.earlyStopping ? { earlyStopping: given(spec.earlyStopping) } : {}),
    seed: spec.seed ?? trainDefaults.seed,
    dryRun: spec.dryRun ?? false,
  };
  return { spec: train, warnings };
}
