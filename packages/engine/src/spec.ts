/**
 * What a caller asks the engine for and what it is told: plain data, sent between processes as it is.
 * Types only; `train.ts` and `decode/generate.ts` give them meaning.
 */

/** Chat messages in OpenAI's shape. */
export type ChatMessage =
  | { role: "system" | "developer" | "user"; content: string }
  | { role: "assistant"; content: string | null; tool_calls?: ToolCall[]; weight?: 0 | 1 }
  | { role: "tool"; content: string; tool_call_id: string };

export interface ToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

export interface ToolDefinition {
  type: "function";
  function: { name: string; description?: string; parameters?: Record<string, unknown> };
}

/** Which of the tools an answer may call: none, any, at least one of all, this one, or only some of them. */
export type ToolChoice =
  | "none"
  | "auto"
  | "required"
  | { name: string }
  | { allowed: string[]; mode: "auto" | "required" };

export type DatasetFormat =
  | "chatml"
  | "sharegpt"
  | "alpaca"
  | "text"
  | "prompt_completion"
  | "pretokenized"
  | "preference";

/**
 * Where rows come from. A file's ending says its format: .jsonl, .json, .csv, .parquet, and .gz or .zst behind all but the last.
 * `files` with `content: "text"`: each file is one row of plain text. A `token` goes to the hub, or over https to the URL's own
 * host, and to nobody else; it is written nowhere.
 */
export type DatasetSpec =
  | { type: "file"; path: string }
  | { type: "files"; paths: string[]; content: "rows" | "text" }
  | { type: "inline"; rows: unknown[] }
  /** On the Hugging Face hub. Defaults: split "train" or the only one, the default subset, revision "main", token `HF_TOKEN`. */
  | { type: "huggingface"; name: string; split?: string; subset?: string; revision?: string; token?: string }
  | { type: "blob"; url: string; token?: string };

export interface LoraSpec {
  /** Rank. */
  r: number;
  /** The adapter's output is scaled by `alpha / r` (`alpha / sqrt(r)` with `useRslora`). */
  alpha: number;
  /** Probability of zeroing an element of the adapter's input. Default 0. */
  dropout?: number;
  /** Linear layers that get an adapter: `q_proj`, `up_proj`, …. Default: all linear layers of the blocks. */
  targetModules?: string[];
  /** Adapters on the last so many layers only; the backward pass ends at the first of them. Default: all layers. */
  layers?: number;
  useRslora?: boolean;
  /** Also learns the length of each row of the adapted weights (DoRA). Steps take longer. */
  useDora?: boolean;
  /**
   * Train on a base whose linear weights are held in 4 or 8 bits, each block of 32 with a scale (`loadBaseModel`'s `weightBits`): less
   * memory, longer steps. At most one of the two.
   */
  loadIn4bit?: boolean;
  loadIn8bit?: boolean;
  /** Draws A from a normal distribution of this standard deviation. Default: uniform in ±1/√in, as PEFT does. */
  initStd?: number;
  /** Seed of the initial A matrices. Default: the run's seed. */
  seed?: number;
}

/** A number of optimizer steps, or a share (0..1) of the run's `totalSteps`, which only the loaded data set decides. */
export type StepCount = number | { ratio: number };

/** Ends a run that gets no better, and makes its best checkpoint the result. */
export interface EarlyStopping {
  /**
   * Held-out metrics are looked at with every evaluation; `loss`, the mean training loss since the last look, with every
   * checkpoint that `saveSteps` asks for.
   */
  metric: "evalLoss" | "evalAccuracy" | "loss";
  /** Stop after so many looks in a row without improvement. */
  patience: number;
  /** Improvements that are not larger than this do not count. Default 0. */
  minDelta?: number;
}

export type LrScheduler = "constant" | "linear" | "cosine";

/** Everything that decides a training run. Two runs with equal specs on one machine give equal bytes. */
export interface TrainSpec {
  /** Directory of the base model (config.json, model.safetensors, tokenizer.json, …). */
  modelDir: string;
  /** How users call the base model; written to adapter_config.json. */
  modelName: string;
  /** `checkpoints/` and the final `adapter/` are written below it. */
  outputDir: string;
  /** Number of this run among those in `outputDir`: once one with a larger number has begun there, this one writes nothing more. */
  fence?: number;
  dataset: DatasetSpec;
  /** `sft` (default): cross-entropy. `dpo`: direct preference optimisation, on rows in the `preference` format. */
  method?: "sft" | "dpo";
  /** How strongly `dpo` is held to the model that the run starts from; larger is stronger. Default 0.1. */
  dpoBeta?: number;
  /** Detected when omitted; the detection is reported in the `started` event. */
  datasetFormat?: DatasetFormat;
  /** Field that the format expects to column of the data set: `{ prompt: "question", completion: "answer" }`. */
  columnMapping?: Record<string, string>;
  /** Held-out rows from a data set of their own. */
  evalDataset?: DatasetSpec;
  /** Held-out rows taken from `dataset`: `testSize` is the share, 0..1; `take`: chosen by `seed` (default), or the last ones. */
  evalSplit?: { testSize: number; seed: number; take?: "random" | "last" };
  /** `false`: train every parameter. */
  lora: LoraSpec | false;
  /** Adapter that the run goes on from, of the same rank, scale and target modules. Default: a fresh one. */
  initialAdapterDir?: string;
  /** Rows longer than this many tokens are cut at the end; also the packed row's length. */
  maxLength: number;
  /** Texts longer than `maxLength` become overlapping windows that begin so many tokens apart. Default: they are cut. */
  textStride?: number;
  /** Jinja source that replaces the model's own chat template in training. */
  chatTemplate?: string;
  /** Loss on assistant tokens only. */
  trainOnResponsesOnly: boolean;
  /** Optimizer steps; wins over `numTrainEpochs`. */
  maxSteps?: number;
  numTrainEpochs?: number;
  /** Sequences (packed rows when `packing`) per forward pass. */
  batchSize: number;
  gradientAccumulationSteps: number;
  /**
   * Compute each block again in the backward pass instead of keeping what is inside it: far less memory, steps about a third longer, the same
   * numbers. Default: when memory is short, and always on a base of 4 or 8 bits.
   */
  recompute?: boolean;
  /** Put several examples into one row, with attention kept inside each. */
  packing: boolean;
  learningRate: number;
  lrSchedulerType: LrScheduler;
  /** Learning rate at the end of `linear` and `cosine`. */
  lrMin: number;
  warmupSteps: StepCount;
  weightDecay: number;
  adamBeta1: number;
  adamBeta2: number;
  adamEpsilon: number;
  /** Clip the gradients' global norm; 0 = off. */
  maxGradNorm: number;
  loggingSteps: StepCount;
  /** Log events also tell of each micro-batch. Default false. */
  microBatchMetrics?: boolean;
  /** 0 = only at the end. */
  saveSteps: StepCount;
  /** Keep the newest so many checkpoints, and the best. Default: all. */
  keepCheckpoints?: number;
  /** 0 = never. */
  evalSteps: StepCount;
  earlyStopping?: EarlyStopping;
  seed: number;
  /** When the run first began, ISO 8601: the date that chat templates print, also on a later day. Default: now. */
  startedAt?: string;
  /** Last step that the caller knows the log of: later ones, up to the checkpoint that the run continues from, are told again. */
  historyStep?: number;
  /** Compute each micro-batch in so many parts, for want of memory: the same steps, other last bits. Default 1. */
  microBatchParts?: number;
  /** At most 50 rows and 10 steps, every stage for real. */
  dryRun: boolean;
}

/** What a run is expected to take. */
export interface RunCosts {
  /** At the most memory-hungry moment of a step. */
  memoryBytes: number;
  /** Floating-point operations of one pass over the training rows, by the usual count. */
  flopsPerEpoch: number;
  /** At the speed that training usually reaches on a machine with this matrix product. */
  secondsPerEpoch: number;
}

/** What the data set turned out to be. */
export interface DatasetReport {
  format: DatasetFormat;
  rows: number;
  evalRows: number;
  /** Rows that could not be trained on (no supervised token after cutting), and why. */
  dropped: { row: number; reason: string }[];
  tokens: number;
  supervisedTokens: number;
  /** Rows cut to `maxLength`. */
  truncated: number;
}

/** Means over one forward pass: over its supervised tokens, or with `dpo` over its pairs. */
export interface MicroBatchMetrics {
  /** Natural log. */
  loss: number;
  /** As a step's. */
  accuracy: number;
  /** Supervised tokens. */
  tokens: number;
}

/**
 * Means over preference pairs: β times what the log-probability of a reply has gained since before training. `margin` is chosen
 * minus rejected.
 */
export interface Rewards {
  chosen: number;
  rejected: number;
  margin: number;
}

/** One step's metrics; `null` where a metric was not computed. */
export interface TrainLog {
  type: "log";
  /** With `microBatchMetrics`: the forward passes of this step, in order. */
  microBatches?: MicroBatchMetrics[];
  /** With `microBatchMetrics`, in a step that was followed by an evaluation: its forward passes, in order. */
  evalMicroBatches?: MicroBatchMetrics[];
  step: number;
  totalSteps: number;
  /** Epochs done, fractional. */
  epoch: number;
  /** With method `dpo`: of this step. */
  rewards?: Rewards;
  /** With method `dpo`: of all held-out pairs, where they were looked at. */
  evalRewards?: Rewards;
  /** Mean over the supervised tokens of this step, natural log; with `dpo` over its pairs. */
  loss: number | null;
  /** Mean over all supervised held-out tokens. */
  evalLoss: number | null;
  evalAccuracy: number | null;
  learningRate: number;
  gradNorm: number | null;
  /** Share of supervised tokens whose argmax is right; with `dpo` of pairs whose preferred reply gained more. 0..1. */
  accuracy: number | null;
  tokensPerSecond: number | null;
  samplesPerSecond: number | null;
  /** Model FLOPs per second / 1e9. */
  gflops: number | null;
  /** Model FLOPs utilisation: `gflops` as a share of what the machine's matrix product does at best. */
  mfu: number | null;
  /** Share of positions that hold padding, 0..1. */
  paddingShare: number | null;
  /** Share of real tokens that carry loss, 0..1. */
  supervisedShare: number | null;
}

export type TrainEvent =
  | {
      type: "started";
      totalSteps: number;
      trainableParameters: number;
      dataset: DatasetReport;
      resumedFromStep: number;
      /** SHA-256, hexadecimal, of the base model, the rows as the model sees them, and the options. */
      fingerprints: { model: string; dataset: string; spec: string };
      estimate: RunCosts;
    }
  | TrainLog
  | {
      type: "checkpoint";
      step: number;
      dir: string;
      files: string[];
      metrics: Omit<TrainLog, "type">;
      /** Steps of the checkpoints that gave way to this one, if any, see `keepCheckpoints`. */
      removedSteps?: number[];
    }
  | { type: "warning"; message: string };

export interface TrainResult {
  status: "completed" | "paused" | "cancelled";
  /** Last step done. */
  step: number;
  /** Step that the weights in `adapterDir` are of: with early stopping the best one; absent unless completed. */
  resultStep?: number;
  /** Directory of the final adapter (or of the whole model after full fine-tuning); null unless completed. */
  adapterDir: string | null;
  metrics: Omit<TrainLog, "type"> | null;
}

/** What a running job is asked between two steps. `stop` makes what has been learnt until then the run's result. */
export type TrainCommand = "pause" | "stop" | "cancel";

/** What an answer is held to. What cannot be enforced exactly is refused before the first token. */
export type Constraint =
  /** One JSON object. */
  | { type: "json_object" }
  /** One JSON value that satisfies a JSON schema, of draft 2020-12 unless `$schema` says draft-07. `strict` changes nothing. */
  | { type: "json_schema"; schema: unknown; strict?: boolean }
  /** A text that an ECMAScript regular expression (flag `u`) matches from beginning to end. */
  | { type: "regex"; pattern: string }
  /** One of these texts. */
  | { type: "choice"; choices: readonly string[] }
  /** A text of the rule `root` of an EBNF grammar, as xgrammar and llama.cpp write it. */
  | { type: "grammar"; ebnf: string }
  /** Free text with constrained parts. */
  | { type: "structural_tag"; tag: string | Readonly<Record<string, unknown>> };

/** About JSON only. */
export interface ConstraintOptions {
  /** No blanks between JSON tokens. Default: up to 64 wherever JSON allows them, but none around the whole. */
  disableAnyWhitespace?: boolean;
  /** Objects that name properties hold no others, where the schema leaves that open. */
  disableAdditionalProperties?: boolean;
  /** A regular expression for the blanks between JSON tokens. */
  whitespacePattern?: string;
}

export interface GenerateRequest {
  /** Adapter directory; omit for the base model. */
  adapterDir?: string;
  /** A chat, or text to be continued as it is, or the tokens of one. With `specialTokens` names of control tokens in the text mean them. */
  prompt: { messages: ChatMessage[] } | { text: string; specialTokens?: boolean } | { ids: number[] };
  /** Functions that the model is told of and may call. Chats only. */
  tools?: ToolDefinition[];
  /** Default: "auto". With "none" the model is not told of the tools either. */
  toolChoice?: ToolChoice;
  /** False: at most one call in an answer. Default true. */
  parallelToolCalls?: boolean;
  /** Ids of control tokens that are text: they appear in the answer by their names, and constraints let them pass. Default: none. */
  controlText?: number[];
  /** What the chat template is told besides. Chats only. */
  templateVariables?: Readonly<Record<string, boolean | number | string>>;
  maxTokens: number;
  /** The tokens that end an answer are not chosen before it has so many tokens, if any other may be. Default 0. */
  minTokens?: number;
  /** 0 = greedy. */
  temperature: number;
  topP: number;
  /** Choose among so many of the likeliest tokens. Default: all. */
  topK?: number;
  /** Drop tokens less likely than this share of the likeliest one's probability, 0..1. Default 0. */
  minP?: number;
  /** Taken off the logit of every token that the answer has already. Default 0. */
  presencePenalty?: number;
  /** Taken off a token's logit for each time that the answer has it already. Default 0. */
  frequencyPenalty?: number;
  /** Divides positive and multiplies negative logits of tokens that the answer has already. Default 1. */
  repetitionPenalty?: number;
  /** Added to the logits, by token id. */
  logitBias?: Record<string, number>;
  /** With a constraint they end an answer only where what stands before them is complete. */
  stop: string[];
  constraint?: Constraint;
  constraintOptions?: ConstraintOptions;
  /** Omit for a random one. Equal requests with equal seeds get equal answers when nothing else is generated. */
  seed?: number;
  /** Report the log-probability of every token and of so many alternatives, 0..100. Default null: report none. */
  logprobs?: number | null;
  /** Answers to the same prompt, 1..128. Default 1. */
  n?: number;
}

/** `tool_calls`: the model ended its answer, and there are calls in it. */
export type FinishReason = "stop" | "length" | "tool_calls";

/** A piece of a tool call. */
export interface ToolCallDelta {
  /** Which of the answer's calls, from 0. */
  call: number;
  /** With a call's first piece. */
  id?: string;
  /** With a call's first piece. */
  name?: string;
  /** The next piece of the arguments' JSON. */
  arguments: string;
}

export interface TokenProbability {
  id: number;
  /** The bytes as text; those of an unfinished character appear as U+FFFD. Control tokens by their name. */
  token: string;
  /** What the token adds to the text: a character's bytes may be spread over tokens. Empty for control tokens. */
  bytes: number[];
  /** Natural logarithm of the model's own probability, before penalties, bias and temperature. */
  logprob: number;
}

/** A token of the answer and the likeliest tokens in its place, best first. */
export interface TokenLogprobs extends TokenProbability {
  top: TokenProbability[];
}

/**
 * `delta` is text of answer number `index`: whole characters only, never a part of a stop string. `logprobs`, of its tokens, when
 * they were asked for. `done` comes once, after all answers: token counts are sums, `finishReason` is the first answer's.
 */
export type GenerateEvent =
  | {
      type: "delta";
      index: number;
      delta: string;
      /** What the same tokens add to tool calls, behind `delta`. */
      calls?: ToolCallDelta[];
      tokens: number;
      logprobs?: TokenLogprobs[];
    }
  | {
      type: "done";
      finishReason: FinishReason;
      /** Of each answer. */
      finishReasons: FinishReason[];
      promptTokens: number;
      completionTokens: number;
    };
