/** Chat answers that their asker wants kept: `store: true`, until somebody deletes them. */
import { z } from "zod";
import type { ChatCompletion } from "../protocol/chat.ts";
import { metadataSchema } from "../protocol/openai.ts";
import { timestampOf } from "./clock.ts";
import type { CompletionRecord } from "./completion-records.ts";
import type { Services } from "./context.ts";
import { parseOpenAI } from "./openai-request.ts";
import type { GenerateEvent } from "./runner.ts";

const keepSchema = z.object({ store: z.boolean().nullish(), metadata: metadataSchema.nullish() });

/** Fields of a request that say how its answer is kept. */
export const keepFields = Object.keys(keepSchema.shape);

export type Keep = (completion: ChatCompletion) => Promise<void>;

/** What a request asks to be done with its answer; null: nothing. Throws 400. */
export function readKeep(
  body: unknown,
  { store, clock }: Pick<Services, "store" | "clock">,
  requestId: string,
): Keep | null {
  const { store: isKept, metadata = null } = parseOpenAI(keepSchema, body);
  if (!isKept) return null;
  const request = body as CompletionRecord["request"];
  return (completion) => {
    const { id } = completion;
    return store.putCompletion({ id, createdAt: timestampOf(clock), metadata, completion, request, requestId });
  };
}

/** The same events; before the last one is given, `whole` is handed all of them, as often as it likes. */
export async function* recorded(
  events: AsyncIterable<GenerateEvent>,
  whole: (all: AsyncIterable<GenerateEvent>) => Promise<void>,
): AsyncGenerator<GenerateEvent> {
  const all: GenerateEvent[] = [];
  for await (const event of events) {
    all.push(event);
    if (event.type === "done") await whole(replay(all));
    yield event;
  }
}

async function* replay(events: readonly GenerateEvent[]): AsyncGenerator<GenerateEvent> {
  yield* events;
}
