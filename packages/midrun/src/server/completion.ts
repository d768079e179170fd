/** A runner's generation in OpenAI's shapes: one object, or chunks. */
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChoiceLogprobs,
  CompletionUsage,
  FinishReason,
  TokenLogprob,
  ToolCall,
  ToolCallChunk,
} from "../protocol/chat.ts";
import type { GenerateEvent, TokenLogprobs, TokenProbability, ToolCallDelta } from "./runner.ts";

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

interface Answer {
  content: string;
  calls: ToolCall[];
  logprobs?: TokenLogprobs[];
}

/** The whole answer as one object. */
export async function toCompletion(
  head: CompletionHead,
  events: AsyncIterable<GenerateEvent>,
  { n }: Pick<AnswerShape, "n">,
): Promise<ChatCompletion> {
  const answers = Array.from({ length: n }, (): Answer => ({ content: "", calls: [] }));
  for await (const event of events) {
    if (event.type === "done") return completionOf(head, answers, event);
    const { index = 0, delta, calls = [], logprobs } = event;
    const answer = answers[index]!;
    answer.content += delta;
    for (const piece of calls) addTo(answer.calls, piece);
    if (logprobs) answer.logprobs = [...(answer.logprobs ?? []), ...logprobs];
  }
  throw noReason();
}

function addTo(calls: ToolCall[], { call, id, name, arguments: piece }: ToolCallDelta): void {
  if (id !== undefined && name !== undefined) calls[call] = { id, type: "function", function: { name, arguments: "" } };
  calls[call]!.function.arguments += piece;
}

function toMessage({ content, calls }: Answer): ChatCompletion["choices"][number]["message"] {
  if (calls.length === 0) return { role: "assistant", content, refusal: null };
  return { role: "assistant", content: content === "" ? null : content, refusal: null, tool_calls: calls };
}

function completionOf({ id, created, model }: CompletionHead, answers: readonly Answer[], done: Done): ChatCompletion {
  const reasons = reasonsOf(done);
  const choices = answers.map((answer, index) => ({
    index,
    message: toMessage(answer),
    logprobs: toLogprobs(answer.logprobs),
    finish_reason: reasons[index]!,
  }));
  return { id, object: "chat.completion", created, model, choices, usage: usageOf(done) };
}

function deltaOf({ delta, calls }: Extract<GenerateEvent, { type: "delta" }>): Delta {
  if (!calls) return { content: delta };
  return { ...(delta === "" ? {} : { content: delta }), tool_calls: calls.map(toCallChunk) };
}

function toCallChunk({ call: index, id, name, arguments: piece }: ToolCallDelta): ToolCallChunk {
  if (id === undefined || name === undefined) return { index, function: { arguments: piece } };
  return { index, id, type: "function", function: { name, arguments: piece } };
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
      yield choice(event.index ?? 0, deltaOf(event), { logprobs: toLogprobs(event.logprobs) });
      continue;
    }
    for (const [index, reason] of reasonsOf(event).entries()) yield choice(index, {}, { reason });
    if (includeUsage) yield chunk([], usageOf(event));
    return;
  }
  throw noReason();
}
