/** Reading what `infer` gives, so that nobody writes a parser. */
import { MidrunError } from "../errors.ts";
import type { ChatCompletion, ChatCompletionChunk, ToolCall, ToolCallChunk } from "../protocol/chat.ts";
import { errorOfEnvelope, toApiError } from "./api-error.ts";
import { chunksOf, parseSse } from "./sse.ts";

/**
 * The whole answer (of several, `n`, the first) as text, from a streamed or an unstreamed response; "" when the model answered with tool calls alone.
 * Throws `ApiError` when the server reported an error, `MidrunError` `network` when the stream ended early.
 */
export async function readText(response: Response): Promise<string> {
  let text = "";
  for await (const delta of readDeltas(response)) text += delta;
  return text;
}

/**
 * The answer's text piece by piece, as it is generated; of several answers (`n`) the first one's. Leaving the loop ends the
 * generation. Throws like `readText`.
 */
export async function* readDeltas(response: Response): AsyncGenerator<string> {
  if (!response.ok) throw await toApiError(response);
  if (!isEventStream(response)) {
    const completion = (await response.json()) as ChatCompletion;
    const content = completion.choices[0]?.message.content;
    if (content) yield content;
    return;
  }
  for await (const chunk of completionChunks(response)) {
    const content = chunk.choices.find(({ index }) => index === 0)?.delta.content;
    if (content) yield content;
  }
}

/** What the model said, as the next request's `messages` take it. */
export interface AssistantMessage {
  role: "assistant";
  /** Null when there are calls and no words. */
  content: string | null;
  tool_calls?: ToolCall[];
}

/**
 * The whole answer (of several, `n`, the first) with its tool calls, from a streamed or an unstreamed response. Throws like
 * `readText`.
 */
export async function readMessage(response: Response): Promise<AssistantMessage> {
  if (!response.ok) throw await toApiError(response);
  const calls: ToolCall[] = [];
  let content = "";
  for await (const piece of piecesOf(response)) {
    content += piece.content ?? "";
    for (const call of piece.tool_calls ?? []) addTo(calls, call);
  }
  if (calls.length === 0) return { role: "assistant", content };
  return { role: "assistant", content: content === "" ? null : content, tool_calls: calls };
}

interface Piece {
  content?: string | null;
  tool_calls?: ToolCallChunk[];
}

async function* piecesOf(response: Response): AsyncGenerator<Piece> {
  if (isEventStream(response)) {
    for await (const { choices } of completionChunks(response)) {
      const delta = choices.find(({ index }) => index === 0)?.delta;
      if (delta) yield delta;
    }
    return;
  }
  const { choices } = (await response.json()) as ChatCompletion;
  const { content = null, tool_calls = [] } = choices[0]?.message ?? {};
  yield { content, tool_calls: tool_calls.map((call, index) => ({ ...call, index })) };
}

function addTo(calls: ToolCall[], { index, id, function: { name, arguments: text } }: ToolCallChunk): void {
  const call = calls[index];
  if (call) call.function.arguments += text;
  else calls[index] = { id: id ?? "", type: "function", function: { name: name ?? "", arguments: text } };
}

function isEventStream(response: Response): boolean {
  return (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
}

async function* completionChunks(response: Response): AsyncGenerator<ChatCompletionChunk> {
  if (response.body) {
    for await (const { data } of parseSse(chunksOf(response.body, withNetworkError))) {
      if (data === "[DONE]") return;
      if (data !== "") yield parseChunk(data, response);
    }
  }
  throw brokeOff("its stream ended without [DONE]");
}

/** A connection that breaks is a TypeError in every fetch; an abort keeps its own reason. */
async function withNetworkError<T>(next: Promise<T>): Promise<T> {
  try {
    return await next;
  } catch (cause) {
    throw cause instanceof TypeError ? brokeOff(cause.message, cause) : cause;
  }
}

function brokeOff(how: string, cause?: unknown): MidrunError {
  return new MidrunError("network", `The answer broke off: ${how}.`, {
    hint: "The server or the connection went away while the model was generating. Ask again.",
    cause,
  });
}

function parseChunk(data: string, response: Response): ChatCompletionChunk {
  let chunk: unknown;
  try {
    chunk = JSON.parse(data);
  } catch (cause) {
    throw new MidrunError("network", `The answer's stream holds a frame that is no JSON: ${data.slice(0, 100)}`, {
      cause,
    });
  }
  if (typeof chunk === "object" && chunk !== null && "error" in chunk) throw errorOfEnvelope(chunk, response);
  return chunk as ChatCompletionChunk;
}
