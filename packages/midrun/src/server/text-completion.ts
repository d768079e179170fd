/** A runner's generations in the shape of OpenAI's legacy text completions: one object, or chunks of the same shape. */
import type { Completion, CompletionChoice } from "openai/resources/completions";
import type { CompletionHead } from "./completion.ts";
import type { GenerateEvent, TokenLogprobs } from "./runner.ts";

export interface TextShape {
  /** What each answer begins with, one for each prompt; null: nothing. */
  echoed: string[] | null;
  /** Answers to each prompt. */
  n: number;
  /** Streams only. */
  includeUsage: boolean;
}

/** An event of the answers to one of the prompts. */
export interface PromptEvent {
  source: number;
  value: GenerateEvent;
}

type Done = Extract<GenerateEvent, { type: "done" }>;
type Usage = NonNullable<Completion["usage"]>;

const leastLogprob = -9999;

const noUsage: Usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

function addUsage(sum: Usage, { promptTokens, completionTokens }: Done): Usage {
  const prompt_tokens = sum.prompt_tokens + promptTokens;
  const completion_tokens = sum.completion_tokens + completionTokens;
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

/** The likeliest tokens, and the one that was chosen. Two that look alike count as the likelier one. */
function toAlternatives({ token, logprob, top }: TokenLogprobs): Record<string, number> {
  const all = [{ token, logprob }, ...top].sort((a, b) => a.logprob - b.logprob);
  return Object.fromEntries(all.map((each) => [each.token, Math.max(each.logprob, leastLogprob)]));
}

/** True for bytes that end inside a character: whoever decodes them to the end finds one more, a broken one. */
function endsInside(bytes: readonly number[]): boolean {
  const all = Uint8Array.from(bytes);
  return new TextDecoder().decode(all).length > new TextDecoder().decode(all, { stream: true }).length;
}

const continues = (byte: number | undefined) => byte !== undefined && byte >= 0x80 && byte < 0xc0;

/** Gives the place in the text at which each token begins; for a token that goes on with a character, that character's. */
function createOffsets(): (bytes: readonly number[]) => number {
  const decoder = new TextDecoder();
  let offset = 0;
  let last: number[] = [];
  return (bytes) => {
    // A character that is never finished shows once the next token has come.
    const broken = bytes.length > 0 && endsInside(last) && !continues(bytes[0]) ? 1 : 0;
    const start = offset + broken;
    offset += decoder.decode(Uint8Array.from(bytes), { stream: true }).length;
    last = [...last, ...bytes].slice(-3);
    return start;
  };
}

/** Lists beside each other, one entry for each token. */
function createLogprobLists() {
  const offsetOf = createOffsets();
  return (entries: readonly TokenLogprobs[] | undefined): CompletionChoice.Logprobs | null => {
    if (!entries) return null;
    return {
      tokens: entries.map(({ token }) => token),
      token_logprobs: entries.map(({ logprob }) => Math.max(logprob, leastLogprob)),
      top_logprobs: entries.map(toAlternatives),
      text_offset: entries.map(({ bytes }) => offsetOf(bytes)),
    };
  };
}

const join = (first: CompletionChoice.Logprobs | null, next: CompletionChoice.Logprobs | null) => {
  if (!first || !next) return first ?? next;
  return {
    tokens: [...first.tokens!, ...next.tokens!],
    token_logprobs: [...first.token_logprobs!, ...next.token_logprobs!],
    top_logprobs: [...first.top_logprobs!, ...next.top_logprobs!],
    text_offset: [...first.text_offset!, ...next.text_offset!],
  };
};

type Piece = Pick<CompletionChoice, "index" | "text" | "logprobs"> & {
  finish_reason: CompletionChoice["finish_reason"] | null;
};

/** One chunk's part of one choice after the other, and what all of them cost. */
async function* toPieces(
  events: AsyncIterable<PromptEvent>,
  prompts: number,
  { echoed, n }: Pick<TextShape, "echoed" | "n">,
): AsyncGenerator<Piece, Usage> {
  const lists = Array.from({ length: prompts * n }, createLogprobLists);
  let usage = noUsage;
  let open = prompts;
  for (const [source, text] of (echoed ?? []).entries()) {
    for (let i = 0; i < n; i++) yield { index: source * n + i, text, logprobs: null, finish_reason: null };
  }
  for await (const { source, value } of events) {
    if (value.type === "delta") {
      const index = source * n + (value.index ?? 0);
      yield { index, text: value.delta, logprobs: lists[index]!(value.logprobs), finish_reason: null };
      continue;
    }
    const { finishReason, finishReasons = [finishReason] } = value;
    for (const [i, reason] of finishReasons.entries()) {
      // A text completion calls no tools: it stops.
      const finish_reason = reason === "length" ? reason : "stop";
      yield { index: source * n + i, text: "", logprobs: null, finish_reason };
    }
    usage = addUsage(usage, value);
    open--;
  }
  if (open > 0) throw new Error("The runner's generation ended without a finish reason.");
  return usage;
}

/** All answers as one object. */
export async function toTextCompletion(
  head: CompletionHead,
  events: AsyncIterable<PromptEvent>,
  prompts: number,
  shape: Omit<TextShape, "includeUsage">,
): Promise<Completion> {
  const choices = Array.from({ length: prompts * shape.n }, (_, index): CompletionChoice => {
    return { index, text: "", logprobs: null, finish_reason: "stop" };
  });
  const pieces = toPieces(events, prompts, shape);
  for (let next = await pieces.next(); ; next = await pieces.next()) {
    if (next.done) return { ...head, object: "text_completion", choices, usage: next.value };
    const { index, text, logprobs, finish_reason } = next.value;
    const choice = choices[index]!;
    choice.text += text;
    choice.logprobs = join(choice.logprobs, logprobs);
    choice.finish_reason = finish_reason ?? choice.finish_reason;
  }
}

/** The package's type says nothing of the null that a choice has until it ends. */
export type TextChunk = Omit<Completion, "choices" | "usage"> & { choices: Piece[]; usage?: Usage | null };

/** Text as it comes, finish reasons, then (asked for) the token counts in a chunk without choices. */
export async function* toTextChunks(
  head: CompletionHead,
  events: AsyncIterable<PromptEvent>,
  prompts: number,
  { includeUsage, ...shape }: TextShape,
): AsyncGenerator<TextChunk> {
  const chunk = (choices: Piece[], usage: Usage | null = null): TextChunk => {
    const shared = { ...head, object: "text_completion" as const, choices };
    return includeUsage ? { ...shared, usage } : shared;
  };
  const pieces = toPieces(events, prompts, shape);
  try {
    let next = await pieces.next();
    for (; !next.done; next = await pieces.next()) yield chunk([next.value]);
    if (includeUsage) yield chunk([], next.value);
  } finally {
    // Whoever leaves ends the generations.
    await pieces.return(noUsage);
  }
}
