/** What the two chat routes take: OpenAI's snake_case body (lenient: unknown fields are dropped) and our camelCase one (strict). */
import { z } from "zod";
import { chatMessageSchema, toolDefinitionSchema } from "./chat.ts";
import { unavailableFields } from "./unavailable-fields.ts";

const textPartSchema = z.object({ type: z.literal("text"), text: z.string() });

/** OpenAI's clients may send content as parts; parts of text are one text. Others are left for the schema to refuse. */
function joinTextParts(message: unknown): unknown {
  if (typeof message !== "object" || message === null || !("content" in message)) return message;
  const parts = z.array(textPartSchema).safeParse(message.content);
  return parts.success ? { ...message, content: parts.data.map((part) => part.text).join("") } : message;
}

const messagesSchema = z.array(z.preprocess(joinTextParts, chatMessageSchema)).min(1);
const stopSchema = z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]);
const maxTokensSchema = z.int().positive();
const temperatureSchema = z.number().min(0).max(2);
const topPSchema = z.number().min(0).max(1);
const topLogprobsSchema = z.int().min(0).max(20);
const topKSchema = z.int().positive();
const minPSchema = z.number().min(0).max(1);
const repetitionPenaltySchema = z.number().gt(0).max(100);
const nSchema = z.int().positive().max(128);
/** Words and switches: nothing that could be taken for a control token. */
const templateVariablesSchema = z.record(
  z.string().regex(/^[A-Za-z_]\w{0,63}$/, "expected a variable's name"),
  z.union([z.boolean(), z.number(), z.string().regex(/^[\w .:-]{0,64}$/, "expected letters, digits, spaces and _.:-")]),
);
/** OpenAI's seeds have 64 bits; those that JSON's numbers cannot tell apart give equal answers. */
const seedSchema = z
  .number()
  .min(-(2 ** 63))
  .max(2 ** 63)
  .refine(Number.isInteger, "expected integer");
const penaltySchema = z.number().min(-2).max(2);
const logitBiasSchema = z.record(z.string(), z.number().min(-100).max(100));
const namedToolSchema = z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) });
const toolChoiceSchema = z.union([
  z.enum(["none", "auto", "required"]),
  namedToolSchema,
  z.object({
    type: z.literal("allowed_tools"),
    allowed_tools: z.object({ mode: z.enum(["auto", "required"]), tools: z.array(namedToolSchema).min(1) }),
  }),
]);
export type ToolChoiceRequest = z.output<typeof toolChoiceSchema>;

/** Strict: a part of a constraint that is not understood is not enforced either. */
const responseFormatSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject({
      name: z.string().regex(/^[\w-]{1,64}$/, "expected 1 to 64 letters, digits, _ and -"),
      description: z.string().nullish(),
      schema: z.unknown().optional(),
      strict: z.boolean().nullish(),
    }),
  }),
  z.looseObject({ type: z.literal("structural_tag") }),
]);
export type ResponseFormatRequest = z.output<typeof responseFormatSchema>;

const choiceSchema = z.array(z.string()).min(1);

/** vLLM's: exactly one of the first six. */
const structuredOutputsSchema = z.strictObject({
  json: z.unknown().optional(),
  regex: z.string().nullish(),
  choice: choiceSchema.nullish(),
  grammar: z.string().nullish(),
  json_object: z.boolean().nullish(),
  structural_tag: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  disable_any_whitespace: z.boolean().nullish(),
  disable_additional_properties: z.boolean().nullish(),
  whitespace_pattern: z.string().nullish(),
});
export type StructuredOutputsRequest = z.output<typeof structuredOutputsSchema>;

/** The same, and its older names. */
export const structuredRequestFields = {
  structured_outputs: structuredOutputsSchema.nullish(),
  guided_json: z.unknown().optional(),
  guided_regex: z.string().nullish(),
  guided_choice: choiceSchema.nullish(),
  guided_grammar: z.string().nullish(),
  guided_whitespace_pattern: z.string().nullish(),
  disable_any_whitespace: z.boolean().nullish(),
  disable_additional_properties: z.boolean().nullish(),
};
const jobIdSchema = z.string().min(1);

const adapterRefSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("checkpoint"), jobId: jobIdSchema, step: z.int().nonnegative() }),
  z.strictObject({ kind: z.literal("final"), jobId: jobIdSchema }),
]);

/** The older names of tools and their choice, which say too much to be ignored. */
const oldToolFields = { functions: z.unknown().optional(), function_call: z.unknown().optional() };

/** Body of `POST /v1/chat/completions`, with vLLM's additions. OpenAI's SDKs send `null` for "not given". */
export const chatCompletionRequestSchema = z.object({
  model: z.string().min(1),
  messages: messagesSchema,
  max_tokens: maxTokensSchema.nullish(),
  max_completion_tokens: maxTokensSchema.nullish(),
  temperature: temperatureSchema.nullish(),
  top_p: topPSchema.nullish(),
  stop: stopSchema.nullish(),
  seed: seedSchema.nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: nSchema.nullish(),
  tools: z.array(toolDefinitionSchema).nullish(),
  tool_choice: toolChoiceSchema.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  ...oldToolFields,
  ...unavailableFields,
  chat_template_kwargs: templateVariablesSchema.nullish(),
  response_format: responseFormatSchema.nullish(),
  ...structuredRequestFields,
  presence_penalty: penaltySchema.nullish(),
  frequency_penalty: penaltySchema.nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: topLogprobsSchema.nullish(),
  logit_bias: logitBiasSchema.nullish(),
  top_k: z.union([topKSchema, z.literal([-1, 0])]).nullish(),
  min_p: minPSchema.nullish(),
  min_tokens: z.int().nonnegative().nullish(),
  repetition_penalty: repetitionPenaltySchema.nullish(),
});
export type ChatCompletionRequest = z.input<typeof chatCompletionRequestSchema>;

/** Body of `POST /v1/inference/chat`: exactly one of `adapter` and `model`. */
export const inferRequestSchema = z.strictObject({
  adapter: adapterRefSchema.optional(),
  /** A base model, or a name that a job gave (`ft:…`). */
  model: z.string().min(1).optional(),
  messages: messagesSchema,
  /** Tokens to generate at most. Default 512. */
  maxTokens: maxTokensSchema.optional(),
  /** 0..2, default 1; 0 = greedy. */
  temperature: temperatureSchema.optional(),
  /** 0..1, default 1. */
  topP: topPSchema.optional(),
  stop: stopSchema.optional(),
  seed: seedSchema.optional(),
  /** Answers to the same messages. Default 1. */
  n: nSchema.optional(),
  topK: topKSchema.optional(),
  minP: minPSchema.optional(),
  minTokens: z.int().nonnegative().optional(),
  repetitionPenalty: repetitionPenaltySchema.optional(),
  /** What the model's chat template is told besides: `{ enable_thinking: false }`. */
  templateVariables: templateVariablesSchema.optional(),
  /** Server-sent chunks (the default) or one JSON object. */
  stream: z.boolean().default(true),
  tools: z.array(toolDefinitionSchema).optional(),
  toolChoice: toolChoiceSchema.optional(),
  /** False: at most one call in an answer. Default true. */
  parallelToolCalls: z.boolean().optional(),
  responseFormat: responseFormatSchema.optional(),
  structuredOutputs: structuredOutputsSchema.optional(),
  presencePenalty: penaltySchema.optional(),
  frequencyPenalty: penaltySchema.optional(),
  logprobs: z.boolean().optional(),
  topLogprobs: topLogprobsSchema.optional(),
  logitBias: logitBiasSchema.optional(),
});
export type InferRequest = z.input<typeof inferRequestSchema>;
