/** Answers a chat: the part that both chat routes share. */
import type { Context } from "hono";
import type { ChatAsk } from "../chat-ask.ts";
import { refuseBeyond } from "../chat-refusals.ts";
import { toChunks, toCompletion } from "../completion.ts";
import type { Env, Services } from "../context.ts";
import { crashEnvelope, type ErrorEnvelope, isForeseen, toEnvelope } from "../http-error.ts";
import { newCompletionId } from "../ids.ts";
import { type Keep, recorded } from "../kept-completions.ts";
import { resolveModel } from "../resolve-model.ts";
import { formatFrame, streamResponse } from "../stream-response.ts";
import { watched } from "../watch-generation.ts";

/** Gives the events again, after the first has come: what fails before it can still be an error status. */
export async function begun<T>(events: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const iterator = events[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      for (let next = first; !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
}

/** A response has begun: an error can only be told inside it. */
async function* toFrames(
  chunks: AsyncIterable<object>,
  toEnvelopeOf: (error: unknown) => ErrorEnvelope,
): AsyncGenerator<string> {
  try {
    for await (const chunk of chunks) yield formatFrame({ data: JSON.stringify(chunk) });
    yield formatFrame({ data: "[DONE]" });
  } catch (error) {
    yield formatFrame({ data: JSON.stringify(toEnvelopeOf(error)) });
  }
}

/** The chunks as server-sent events. When the reader goes away, `left` is aborted. */
export function streamChunks(
  c: Context<Env>,
  services: Services,
  chunks: AsyncIterable<object>,
  left: AbortController,
): Response {
  const requestId = c.get("requestId");
  const report = (error: unknown) => services.onError(error, requestId);
  const toEnvelopeOf = (error: unknown): ErrorEnvelope => {
    if (isForeseen(error)) return toEnvelope(error);
    report(error);
    return crashEnvelope(requestId);
  };
  const frames = toFrames(chunks, toEnvelopeOf);
  return streamResponse(c, frames, { onCancel: (reason) => left.abort(reason), onFailure: report });
}

/** Runs the generation for as long as somebody listens. `keep` is given the whole answer before anybody hears its end. */
export async function answerChat(
  c: Context<Env>,
  services: Services,
  ask: ChatAsk,
  keep: Keep | null = null,
): Promise<Response> {
  const { target, stream, includeUsage, input, spell } = ask;
  const { counters, clock } = services;
  const { runner, model, adapterDir, weightBits, name } = await resolveModel(services, target);
  refuseBeyond(runner, input, spell);
  counters.add("generations");
  const left = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, left.signal]);
  const head = { id: newCompletionId(), created: Math.floor(clock.now() / 1000), model: name };
  const shape = { n: input.n ?? 1, includeUsage };
  const answering = watched(runner.generate({ ...input, model, adapterDir, weightBits, signal }), spell, counters);
  const generation = keep ? recorded(answering, async (all) => keep(await toCompletion(head, all, shape))) : answering;
  if (!stream) return c.json(await toCompletion(head, generation, shape));
  return streamChunks(c, services, toChunks(head, await begun(generation), shape), left);
}
