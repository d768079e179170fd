/** The body of the legacy text-completion route as one question for each prompt. */
import { type CompletionRequest, completionRequestSchema } from "../protocol/completion-request.ts";
import {
  type Asked,
  type Sampling,
  samplingFields,
  speller,
  structuredFields,
  toInput,
  toSnakeCase,
} from "./chat-ask.ts";
import { askedConstraint } from "./chat-constraint.ts";
import { parseOpenAI } from "./openai-request.ts";
import { badRequest } from "./wire-error.ts";

export interface TextAsk {
  model: string;
  /** Each goes with `input`. */
  prompts: (string | number[])[];
  input: Asked;
  stream: boolean;
  /** Streams only: a last chunk with token counts. */
  includeUsage: boolean;
  /** Each answer begins with its prompt. */
  echo: boolean;
  spell: (param: string) => string;
}

/** OpenAI's own. */
const defaultMaxTokens = 16;

const isSingle = (prompt: CompletionRequest["prompt"]): prompt is string | number[] =>
  typeof prompt === "string" || typeof prompt[0] === "number";

/** What would need the probabilities of the prompt, or an answer that is not given. */
function refuseUnsupported(
  { best_of, n, suffix, echo, logprobs }: CompletionRequest,
  prompts: TextAsk["prompts"],
): void {
  if (best_of != null && best_of !== (n ?? 1)) {
    throw badRequest("best_of is not available: every answer is given.", "best_of", null, "Leave it out, or use n.");
  }
  if (suffix) throw badRequest("Text cannot be inserted before a suffix.", "suffix", null, "Leave it out.");
  if (!echo) return;
  if (logprobs != null) {
    throw badRequest("The log-probabilities of a prompt are not available.", "echo", null, "Ask for one of the two.");
  }
  if (prompts.some(Array.isArray)) {
    throw badRequest("A prompt of token ids cannot be echoed.", "echo", null, "Give it as text.");
  }
}

/** Body of `POST /v1/completions`. Throws 400. */
export function parseCompletionRequest(body: unknown): TextAsk {
  const request = parseOpenAI(completionRequestSchema, body);
  const { model, prompt, logprobs } = request;
  const prompts = isSingle(prompt) ? [prompt] : prompt;
  refuseUnsupported(request, prompts);
  const constraint = askedConstraint(
    { param: "response_format", format: request.response_format },
    structuredFields(request),
  );
  const sampling: Sampling = {
    ...samplingFields(request),
    messages: [],
    maxTokens: request.max_tokens ?? defaultMaxTokens,
    ...(logprobs == null ? {} : { logprobs: true, topLogprobs: logprobs }),
  };
  return {
    model,
    prompts,
    input: toInput(sampling, constraint, toSnakeCase),
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    echo: request.echo ?? false,
    spell: speller(toSnakeCase, constraint),
  };
}

/** Names of the body's fields that the route does not know, and so ignores. */
export function ignoredTextFields(body: unknown): string[] {
  return Object.keys(body as object).filter((key) => !Object.hasOwn(completionRequestSchema.shape, key));
}
