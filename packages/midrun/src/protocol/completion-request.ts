/** What the legacy text-completion route takes: a prompt in place of messages, and the sampling fields of chats. */
import { z } from "zod";
import { chatCompletionRequestSchema } from "./chat-request.ts";

const { model, max_tokens, temperature, top_p, stop, seed, stream, stream_options, n } =
  chatCompletionRequestSchema.shape;
const { presence_penalty, frequency_penalty, repetition_penalty, logit_bias, top_k, min_p, min_tokens } =
  chatCompletionRequestSchema.shape;
const {
  response_format,
  structured_outputs,
  guided_json,
  guided_regex,
  guided_choice,
  guided_grammar,
  guided_whitespace_pattern,
  disable_any_whitespace,
  disable_additional_properties,
} = chatCompletionRequestSchema.shape;

const idsSchema = z.array(z.int().nonnegative()).min(1);
/** As many prompts as there may be answers to one. */
const maxPrompts = 128;

/** Body of `POST /v1/completions`. */
export const completionRequestSchema = z.object({
  ...{ model, max_tokens, temperature, top_p, stop, seed, stream, stream_options, n },
  ...{ presence_penalty, frequency_penalty, repetition_penalty, logit_bias, top_k, min_p, min_tokens },
  ...{ response_format, structured_outputs, guided_json, guided_regex, guided_choice, guided_grammar },
  ...{ guided_whitespace_pattern, disable_any_whitespace, disable_additional_properties },
  /** Text or token ids, or several of them. */
  prompt: z.union([
    z.string(),
    idsSchema,
    z.array(z.string()).min(1).max(maxPrompts),
    z.array(idsSchema).min(1).max(maxPrompts),
  ]),
  echo: z.boolean().nullish(),
  /** Alternatives of each token. */
  logprobs: z.int().min(0).max(20).nullish(),
  best_of: z.int().positive().max(128).nullish(),
  suffix: z.string().nullish(),
});
export type CompletionRequest = z.output<typeof completionRequestSchema>;
