/** What a model is asked, in midrun's names; the server's native inference route takes it as it is. */
import type {
  AdapterRef,
  ChatMessage,
  ResponseFormat,
  StructuredOutputs,
  ToolChoice,
  ToolDefinition,
} from "../protocol/chat.ts";

export interface InferArgs {
  /** The conversation so far: system, user, assistant (with `tool_calls`) and tool (with `tool_call_id`) messages. */
  messages: ChatMessage[];
  /** 0 = always the likeliest token. */
  temperature?: number;
  /** Sample from the likeliest tokens whose probabilities add up to this share, 0..1. */
  topP?: number;
  /** Most tokens to generate. */
  maxTokens?: number;
  /** Default true: server-sent events of OpenAI chunks, ending in `[DONE]`. False: one chat-completion object. */
  stream?: boolean;
  /** Generation ends before any of these. */
  stop?: string | string[];
  /** Answers to the same messages, 1..128. Default 1. */
  n?: number;
  /** Sample from so many of the likeliest tokens. */
  topK?: number;
  /** Drop tokens less likely than this share of the likeliest one's probability, 0..1. */
  minP?: number;
  /** The answer has so many tokens at least, where it need not end. */
  minTokens?: number;
  /** Divides positive and multiplies negative logits of tokens that the answer has already. */
  repetitionPenalty?: number;
  /** What the model's chat template is told besides, such as `{ enable_thinking: false }`. One that it does not know has no effect. */
  templateVariables?: Record<string, boolean | number | string>;
  /** Equal seeds and arguments give equal answers. */
  seed?: number;
  /** Functions that the model may call. Arguments always satisfy their schemas. */
  tools?: ToolDefinition[];
  /** Default "auto": the model may call. */
  toolChoice?: ToolChoice;
  /** False: at most one call in an answer. Default true. */
  parallelToolCalls?: boolean;
  responseFormat?: ResponseFormat;
  /** Exactly one of `json`, `regex`, `choice`, `grammar`, `json_object`, `structural_tag`. */
  structuredOutputs?: StructuredOutputs;
  /** -2..2; positive values make tokens that already occurred less likely. */
  presencePenalty?: number;
  /** -2..2; the same, in proportion to how often they occurred. */
  frequencyPenalty?: number;
  logprobs?: boolean;
  /** 0..20; needs `logprobs`. */
  topLogprobs?: number;
  /** Token id → -100..100. */
  logitBias?: Record<string, number>;
  /** Aborts the request, and with it the generation. */
  signal?: AbortSignal;
}

/**
 * Asks one fixed set of weights. Gives the raw response: `readText`, `readDeltas` and `readMessage` read it. Every call is a request of
 * its own, never repeated. Throws `ApiError` when the answer is not 2xx, and the signal's reason after an abort.
 */
export type Infer = (args: InferArgs) => Promise<Response>;

/** A model by name, or the adapter of a job. */
export type InferTarget = string | AdapterRef;

/** The request body. Fields that this version does not know are sent too: the server refuses them by name. */
export function toInferBody(target: InferTarget, { signal: _, stream = true, ...args }: InferArgs) {
  return { ...(typeof target === "string" ? { model: target } : { adapter: target }), ...args, stream };
}
