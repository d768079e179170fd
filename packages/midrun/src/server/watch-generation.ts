/** A runner's generation, counted, and failing in the words of the request. */
import { isMidrunError, MidrunError } from "../errors.ts";
import type { ChatAsk } from "./chat-ask.ts";
import type { Counters } from "./counters.ts";
import type { GenerateEvent } from "./runner.ts";

/** An error about the runner's input, as one about the request. */
function asAsked(error: unknown, spell: ChatAsk["spell"]): unknown {
  if (!isMidrunError(error) || error.param === null) return error;
  const { code, hint, param: inner } = error;
  const param = spell(inner);
  const message = inner === "constraint" ? `${param}: ${error.message}` : error.message;
  return new MidrunError(code, message, { param, hint, cause: error });
}

export async function* watched(
  events: AsyncIterable<GenerateEvent>,
  spell: ChatAsk["spell"],
  counters: Counters,
): AsyncGenerator<GenerateEvent> {
  try {
    for await (const event of events) {
      if (event.type === "done") {
        counters.add("promptTokens", event.promptTokens);
        counters.add("completionTokens", event.completionTokens);
      }
      yield event;
    }
  } catch (error) {
    if (isMidrunError(error) && error.code === "constraint_violated") counters.add("constraintViolations");
    throw asAsked(error, spell);
  }
}
