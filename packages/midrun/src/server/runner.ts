/** A runner trains jobs and answers from their checkpoints. `runners/embedded.ts` is one, `testing.ts` has another. */
import type { ChatMessage, FinishReason, ToolDefinition } from "../protocol/chat.ts";
import type { Constraint, ConstraintOptions } from "../protocol/constraint.ts";
import type { JobEventBody, StepMetrics } from "../protocol/event.ts";
import type { Artifact, Job } from "../protocol/job.ts";
import type { RequestedCommand } from "./store.ts";

/** The events a runner may report; queued, paused and the terminal ones are the scheduler's own. */
export type RunnerEvent = Extract<
  JobEventBody,
  { type: "training.started" | "training.log" | "training.warning" | "checkpoint.saved" }
>;

export interface TrainOutcome {
  status: "completed" | "paused" | "cancelled";
  step: number;
  /** The final adapter; null unless completed. */
  artifact: Artifact | null;
  metrics: StepMetrics | null;
}

export interface TrainHandle {
  /** Resolves when the run ends; rejects with a MidrunError when it fails. */
  result: Promise<TrainOutcome>;
  /**
   * Takes effect after the current step: `pause` saves a checkpoint first, `stop` completes the run with what it has learnt
   * (after its first step at the earliest). A later command replaces one not yet obeyed, but `pause` never `stop`, and
   * nothing `cancel`. Ignored when the run has ended.
   */
  command(command: RequestedCommand): void;
}

/** Where a job is trained. */
export interface TrainPlace {
  /** Directory for everything that the run writes. Absolute. */
  jobDir: string;
  /** Grows with every run in `jobDir`. Once a later one has begun there, an earlier one writes nothing more. */
  lease: number;
  /** A new run goes on from this adapter. Null: from the base model. */
  initialAdapterDir: string | null;
}

/** What not every runner can do. Absent: not asked for. */
export interface GenerateOptions {
  /** Text to be continued as it is, control tokens by name, or token ids: in place of a chat, `messages` is then empty. */
  prompt?: string | number[];
  /** Answers to the same prompt, 2..128. */
  n?: number;
  /** Choose among so many of the likeliest tokens. */
  topK?: number;
  /** Drop tokens less likely than this share of the likeliest one's probability, 0..1. */
  minP?: number;
  /** The answer has so many tokens at least, where it need not end. */
  minTokens?: number;
  /** Taken off the logit of every token that the answer has already. */
  presencePenalty?: number;
  /** The same, once for each time. */
  frequencyPenalty?: number;
  /** Divides positive and multiplies negative logits of tokens that the answer has already. */
  repetitionPenalty?: number;
  /** Added to the logits, by token id. */
  logitBias?: Record<string, number>;
  /** Report the log-probability of every token and of so many alternatives, 0..20. */
  logprobs?: number;
  /** What every answer that ends must be. */
  constraint?: Constraint;
  constraintOptions?: ConstraintOptions;
  /** What the chat template is told besides. */
  templateVariables?: Record<string, boolean | number | string>;
  /** Functions that the model is told of. */
  tools?: ToolDefinition[];
  /** Which of them it may or must call; default: any. */
  toolChoice?: "required" | { name: string } | { allowed: string[]; mode: "auto" | "required" };
  /** False: at most one call in an answer. */
  parallelToolCalls?: boolean;
}
export type GenerateOption = keyof GenerateOptions;

const optionNames: Record<GenerateOption, true> = {
  prompt: true,
  n: true,
  topK: true,
  minP: true,
  minTokens: true,
  presencePenalty: true,
  frequencyPenalty: true,
  repetitionPenalty: true,
  logitBias: true,
  logprobs: true,
  constraint: true,
  constraintOptions: true,
  templateVariables: true,
  tools: true,
  toolChoice: true,
  parallelToolCalls: true,
};

/** All of them. */
export const generateOptions = Object.keys(optionNames) as readonly GenerateOption[];

export interface GenerateInput extends GenerateOptions {
  /** Base model as the job named it. */
  model: string;
  /** Adapter directory; null for the base model. */
  adapterDir: string | null;
  /** The adapter was trained on base weights held in so many bits and is asked with them. Default null: as they are in the file. */
  weightBits?: 4 | 8 | null;
  messages: ChatMessage[];
  maxTokens: number;
  temperature: number;
  topP: number;
  /** With a constraint they end an answer only where what stands before them is complete. */
  stop: string[];
  /** 0 … 2^53 − 1; null: a random one. */
  seed: number | null;
  signal: AbortSignal;
}

export interface TokenProbability {
  token: string;
  /** What the token adds to the text; empty for control tokens. */
  bytes: number[];
  /** Natural logarithm of the model's own probability. */
  logprob: number;
}

/** A token of the answer and the likeliest tokens in its place, best first. */
export interface TokenLogprobs extends TokenProbability {
  top: TokenProbability[];
}

/** A piece of a tool call; the first one has its id and name. */
export interface ToolCallDelta {
  /** Which of the answer's calls, from 0. */
  call: number;
  id?: string;
  name?: string;
  /** The next piece of the arguments' JSON. */
  arguments: string;
}

export type GenerateEvent =
  /** Text of answer number `index`, default 0, and what comes of tool calls behind it. */
  | { type: "delta"; delta: string; index?: number; calls?: ToolCallDelta[]; logprobs?: TokenLogprobs[] }
  | {
      /** Once, after all answers. */
      type: "done";
      finishReason: FinishReason;
      /** Of each answer; needed when there are several. */
      finishReasons?: FinishReason[];
      promptTokens: number;
      /** Of all answers together. */
      completionTokens: number;
    };

export interface Runner {
  /** Looks for the base model `spec.model` and the data: what is certain to fail, fails here, before a job exists. */
  preflight(spec: Job["spec"]): Promise<void>;
  /**
   * Starts, or continues from the newest checkpoint below `place.jobDir` when there is one. `onEvent` is called in order.
   * `job.model` is the base model.
   */
  train(job: Job, place: TrainPlace, onEvent: (event: RunnerEvent) => void): TrainHandle;
  /**
   * For a job that nobody trains any more: keeps runs before `place.lease` from writing, and tells of the checkpoints that lie
   * in `place.jobDir` and not among the job's artifacts, lowest step first.
   */
  recover(job: Job, place: Omit<TrainPlace, "initialAdapterDir">): Promise<RunnerEvent[]>;
  /** The options that `generate` obeys; a request for any other is refused. Default: none. */
  readonly can?: readonly GenerateOption[];
  /** Leaving the loop, or `signal`, ends the generation. What cannot be done is thrown before the first event. */
  generate(input: GenerateInput): AsyncIterable<GenerateEvent>;
  /** Ends every process the runner started. */
  close(): Promise<void>;
}
