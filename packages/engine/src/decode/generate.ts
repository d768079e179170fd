/** Answers: from a chat or a text to a stream of text, with the base model or one of its adapters. */
import type { BaseModel } from "../base-model.ts";
import { createRandom } from "../random.ts";
import type { GenerateEvent, GenerateRequest } from "../spec.ts";
import { range } from "../util.ts";
import { createAdapterCache } from "./adapter-cache.ts";
import { type AnswerEnd, type AnswerParts, answer, answerParts } from "./answer.ts";
import { createDecodeSession, type DecodeOptions } from "./decode-session.ts";
import { interleave } from "./interleave.ts";
import { createModelConstrainer } from "./model-constrainer.ts";
import { checkRequest, promptIds } from "./prompt.ts";
import { loadTokenBytes, type TokenBytes } from "./token-bytes.ts";

export interface Generator {
  /**
   * Ends with one `done` event. Requests that run at the same time are computed together, each with its own adapter. Throws
   * `context_length_exceeded`, `invalid_request`, `constraint_violated`, what loading the adapter throws, or the reason of `signal`
   * when it aborts.
   */
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncIterable<GenerateEvent>;
  release(): Promise<void>;
}

export function createGenerator(model: BaseModel, options: DecodeOptions = {}): Generator {
  const decoding = createDecodeSession(model, options);
  const adapterAt = createAdapterCache();
  const compile = createModelConstrainer(model);
  let tokens: Promise<TokenBytes> | undefined;

  async function partsOf(request: GenerateRequest, room: number): Promise<AnswerParts[]> {
    if (request.logprobs != null) tokens ??= loadTokenBytes(model);
    const shared = {
      seed: request.seed ?? Math.floor(createRandom(Date.now()).next() * 2 ** 31),
      maxTokens: Math.min(request.maxTokens, room),
      tokens: request.logprobs == null ? null : await tokens!,
      constraint: await compile(request),
    };
    return range(request.n ?? 1).map((index) => answerParts(model, request, { ...shared, index }));
  }

  return {
    async *generate(request, signal) {
      checkRequest(request);
      const prompt = promptIds(model, request);
      const parts = await partsOf(request, model.spec.maxPositions - prompt.length);
      const adapter = request.adapterDir === undefined ? undefined : await adapterAt(request.adapterDir);
      signal?.throwIfAborted();
      const first = decoding.start(adapter);
      const sequences = [first];
      const release = () => {
        for (const sequence of sequences) sequence.release(signal?.reason);
      };
      signal?.addEventListener("abort", release, { once: true });
      try {
        const logits = await first.next(prompt);
        for (const _ of parts.slice(1)) sequences.push(first.fork());
        const answers = parts.map((own, i) => answer(model, request, own, { sequence: sequences[i]!, logits }));
        const ends = yield* interleave(answers);
        yield done(ends, prompt.length);
      } finally {
        signal?.removeEventListener("abort", release);
        release();
      }
    },
    release: () => decoding.release(),
  };
}

function done(ends: readonly AnswerEnd[], promptTokens: number): GenerateEvent {
  const finishReasons = ends.map(({ finishReason }) => finishReason);
  const completionTokens = ends.reduce((sum, end) => sum + end.completionTokens, 0);
  return { type: "done", finishReason: finishReasons[0]!, finishReasons, promptTokens, completionTokens };
}
