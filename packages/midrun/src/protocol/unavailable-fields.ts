/**
 * Fields that clients of OpenAI and of vLLM know, that would change the answer, and that nobody here obeys. Only the values that ask
 * for nothing pass. (Fields that change no answer, such as `user`, are ignored and named in a header.)
 */
import { z } from "zod";

const only = <T extends string | number | boolean>(value: T) => z.literal(value).nullish();
const none = z.tuple([]).nullish();
const never = z.null().optional();

export const unavailableFields = {
  audio: never,
  modalities: z.tuple([z.literal("text")]).nullish(),
  web_search_options: never,
  best_of: only(1),
  use_beam_search: only(false),
  length_penalty: only(1),
  ignore_eos: only(false),
  stop_token_ids: none,
  include_stop_str_in_output: only(false),
  bad_words: none,
  allowed_token_ids: none,
  skip_special_tokens: only(true),
  echo: only(false),
  prompt_logprobs: never,
  truncate_prompt_tokens: never,
  continue_final_message: only(false),
  add_generation_prompt: only(true),
  chat_template: never,
  logits_processors: none,
  thinking_token_budget: never,
};
