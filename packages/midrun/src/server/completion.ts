/** A runner's generation in OpenAI's shapes: one object, or chunks. */
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChoiceLogprobs,
  CompletionUsage,
  FinishReason,
  TokenLogprob,
} from "../protocol/chat.ts";
import type { GenerateEvent, TokenLogprobs, TokenProbability } from "./runner.ts";

/** What every chunk of one answer repeats. */
export interface CompletionHead {
  id: string;
  /** Unix seconds. */
  created: number;
  model: string;
}

export interface AnswerShape {
  /** Choices. */
  n: number;
  /** Streams only: a last chunk with token counts. */
  includeUsage: boolean;
}

type Done = Extract<GenerateEvent, { type: "done" }>;
type Delta = ChatCompletionChunk["choices"][number]["delta"];

const usageOf = ({ promptTokens, completionTokens }: Done): CompletionUsage => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
});

const reasonsOf = ({ finishReason, finishReasons = [finishReason] }: Done) => finishReasons;

const noReason = () => new Error("The runner's generation ended without a finish reason.");

/** JSON has no -∞; OpenAI writes it so. */
const leastLogprob = -9999;

const toTokenLogprob = ({ token, bytes, logprob }: TokenProbability): TokenLogprob => ({
  token,
  logprob: Math.max(logprob, leastLogprob),
  bytes,
});

function toLogprobs(entries: readonly TokenLogprobs[] | undefined): ChoiceLogprobs | null {
  if (!entries) return null;
  const content = entries.map((entry) => ({ ...toTokenLogprob(entry), top_logprobs: entry.top.map(toTokenLogprob) }));
  return { content, refusal: null };
}

/** The whole answer as one object. */
export async function toCompletion(
  head: CompletionHead,
  events: AsyncIterable<GenerateEvent>,
  { n }: Pick<AnswerShape, "n">,
): Promise<ChatCompletion> {
  const contents = new Array<string>(n).fill("");
  const logprobs = contents.map((): TokenLogprobs[] | undefined => undefined);
  for await (const event of events) {
    if (event.type === "done") return completionOf(head, contents, logprobs.map(toLogprobs), event);
    const { index = 0, delta, logprobs: entries } = event;
    contents[index] += delta;
    if (entries) logprobs[index] = [...(logprobs[index] ?? []), ...entries];
  }
  throw noReason();
}

function completionOf(
  { id, created, model }: CompletionHead,
  contents: readonly string[],
  logprobs: readonly (ChoiceLogprobs | null)[],
  done: Done,
): ChatCompletion {
  const reasons = reasonsOf(done);
  const choices = contents.map((content, index) => ({
    index,
    message: { role: "assistant", content, refusal: null } as const,
    logprobs: logprobs[index]!,
    finish_reason: reasons[index]!,
  }));
  return { id, object: "chat.completion", created, model, choices, usage: usageOf(done) };
}

/** Roles, text of all choices as it comes, finish reasons, then (asked for) the token counts in a chunk without choices. */
export async function* toChunks(
  head: CompletionHead,
  events: AsyncIterable<GenerateEvent>,
  { n, includeUsage }: AnswerShape,
): AsyncGenerator<ChatCompletionChunk> {
  const chunk = (choices: ChatCompletionChunk["choices"], usage: ChatCompletionChunk["usage"] = null) => {
    const { id, created, model } = head;
    const shared = { id, object: "chat.completion.chunk", created, model, choices } as const;
    return includeUsage ? { ...shared, usage } : shared;
  };
  const choice = (
    index: number,
    delta: Delta,
    { logprobs = null, reason = null }: { logprobs?: ChoiceLogprobs | null; reason?: FinishReason | null } = {},
  ) => chunk([{ index, delta, logprobs, finish_reason: reason }]);

  for (let index = 0; index < n; index++) yield choice(index, { role: "assistant", content: "", refusal: null });
  for await (const event of events) {
    if (event.type === "delta") {
      yield choice(event.index ?? 0, { content: event.delta }, { logprobs: toLogprobs(event.logprobs) });
      continue;
    }
    for (const [index, reason] of reasonsOf(event).entries()) yield choice(index, {}, { reason });
    if (includeUsage) yield chunk([], usageOf(event));
    return;
  }
  throw noReason();
}
