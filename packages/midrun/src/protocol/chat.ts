/** Chat: the request and response bodies of `/v1/chat/completions` and `/v1/inference/chat`, OpenAI's shapes. */
import { z } from "zod";

const toolCallSchema = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

export const chatMessageSchema = z.discriminatedUnion("role", [
  z.object({ role: z.literal("system"), content: z.string() }),
  z.object({ role: z.literal("developer"), content: z.string() }),
  z.object({ role: z.literal("user"), content: z.string() }),
  z.object({
    role: z.literal("assistant"),
    content: z.string().nullable().default(null),
    tool_calls: z.array(toolCallSchema).optional(),
  }),
  z.object({ role: z.literal("tool"), content: z.string(), tool_call_id: z.string() }),
]);
export type ChatMessage = z.input<typeof chatMessageSchema>;

export const toolDefinitionSchema = z.object({
  type: z.literal("function"),
  function: z.object({
    name: z.string(),
    description: z.string().optional(),
    /** A JSON schema of the arguments, which are always an object. Default: there are none. */
    parameters: z.record(z.string(), z.unknown()).optional(),
    /** Changes nothing: arguments always satisfy the schema. */
    strict: z.boolean().nullish(),
  }),
});
export type ToolDefinition = z.input<typeof toolDefinitionSchema>;

export type ToolCall = z.output<typeof toolCallSchema>;

export type ToolChoice =
  /** Words only, and the model is not told of the tools. */
  | "none"
  /** The model may call; the default. */
  | "auto"
  /** It has to call at least one. */
  | "required"
  /** It has to call this one, once. */
  | { type: "function"; function: { name: string } }
  /** Of the tools that it is told of, only these may be called. */
  | {
      type: "allowed_tools";
      allowed_tools: { mode: "auto" | "required"; tools: { type: "function"; function: { name: string } }[] };
    };

export type ResponseFormat =
  | { type: "text" }
  | { type: "json_object" }
  | {
      type: "json_schema";
      json_schema: { name: string; description?: string; schema?: Record<string, unknown>; strict?: boolean };
    }
  | { type: "structural_tag"; [field: string]: unknown };

type OneOf<T, K extends keyof T = keyof T> = K extends keyof T
  ? Required<Pick<T, K>> & Partial<Record<Exclude<keyof T, K>, never>>
  : never;

/** Exactly one constraint; the type forbids two. */
export type StructuredOutputs = OneOf<{
  json: Record<string, unknown> | string;
  regex: string;
  choice: string[];
  grammar: string;
  json_object: true;
  structural_tag: string;
}> & { disable_any_whitespace?: boolean; disable_additional_properties?: boolean; whitespace_pattern?: string };

/** Which weights answer: a base model, a finished fine-tune, or one checkpoint of a job. */
export type AdapterRef = { kind: "checkpoint"; jobId: string; step: number } | { kind: "final"; jobId: string };

export type FinishReason = "stop" | "length" | "tool_calls";

export interface TokenLogprob {
  token: string;
  /** Natural logarithm; -9999 for what is as good as impossible. */
  logprob: number;
  /** What the token adds to the text: a character's bytes may be spread over tokens. */
  bytes: number[];
}

/** What the model thought of each token of a choice, when it was asked. */
export interface ChoiceLogprobs {
  content: (TokenLogprob & { top_logprobs: TokenLogprob[] })[];
  refusal: null;
}

export interface CompletionUsage {
  prompt_tokens: number;
  /** Of all choices together. */
  completion_tokens: number;
  total_tokens: number;
}

export interface ChatCompletion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: {
    index: number;
    /** `content` is null when there are calls and no words. */
    message: { role: "assistant"; content: string | null; refusal: null; tool_calls?: ToolCall[] };
    logprobs: ChoiceLogprobs | null;
    finish_reason: FinishReason;
  }[];
  usage: CompletionUsage;
}

/** The first piece of a call has `id`, `type` and `name`; the others more of its arguments. */
export interface ToolCallChunk {
  /** Which of the answer's calls. */
  index: number;
  id?: string;
  type?: "function";
  function: { name?: string; arguments: string };
}

export interface ChatCompletionChunk {
  id: string;
  object: "chat.completion.chunk";
  created: number;
  model: string;
  choices: {
    index: number;
    delta: { role?: "assistant"; content?: string; refusal?: null; tool_calls?: ToolCallChunk[] };
    logprobs: ChoiceLogprobs | null;
    finish_reason: FinishReason | null;
  }[];
  usage?: CompletionUsage | null;
}
