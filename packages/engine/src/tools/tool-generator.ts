/** Generation with tools: what a model writes as tool calls comes out as tool calls. */
import type { BaseModel } from "../base-model.ts";
import { createConstrainer } from "../decode/constrain.ts";
import type { DecodeOptions } from "../decode/decode-session.ts";
import { createGenerator, type Generator } from "../decode/generate.ts";
import type { GenerateEvent } from "../spec.ts";
import { isEngineError, range } from "../util.ts";
import { createAnswerReader } from "./answer-reader.ts";
import { newCallId } from "./call-ids.ts";
import { type FoundFormat, findToolFormat } from "./find-format.ts";
import { type CallableTool, schemaRefusal } from "./tool-choice.ts";
import { type AnswerReading, planTools } from "./tool-plan.ts";

/**
 * As `createGenerator`, and answers to requests with tools are read: their calls come as `calls` of the events. Throws also
 * `tool_calling_not_configured`, and `constraint_violated` when the arguments of a finished call are not what they were held to.
 */
export function createToolGenerator(model: BaseModel, options: DecodeOptions = {}): Generator {
  const generator = createGenerator(model, options);
  let found: { format: FoundFormat | null } | undefined;

  return {
    async *generate(request, signal) {
      const { prompt } = request;
      if (!("messages" in prompt)) return yield* generator.generate(request, signal);
      found ??= { format: findToolFormat(model.chatTemplate) };
      const plan = planTools(model, found.format, prompt.messages, request);
      const events = generator.generate(plan.request, signal);
      if (!plan.reading) return yield* events;
      const { reading } = plan;
      try {
        yield* read(events, reading, request.n ?? 1);
      } catch (error) {
        throw await withTool(error, reading.tools);
      }
    },
    release: () => generator.release(),
  };
}

async function* read(
  events: AsyncIterable<GenerateEvent>,
  reading: AnswerReading,
  count: number,
): AsyncGenerator<GenerateEvent> {
  const readers = range(count).map((index) =>
    createAnswerReader(index, reading, () => newCallId(reading.syntax.format)),
  );
  for await (const event of events) {
    if (event.type === "delta") {
      const delta = readers[event.index]!.push(event);
      if (delta) yield delta;
      continue;
    }
    const ends = readers.map((reader, index) => reader.end(event.finishReasons[index]!));
    for (const { delta } of ends) if (delta) yield delta;
    const finishReasons = ends.map(({ finishReason }) => finishReason);
    yield { ...event, finishReason: finishReasons[0]!, finishReasons };
  }
}

/** Masks are of no interest where only the grammar is looked at. */
const noTokens = { vocabSize: 1, eosIds: [0], tokenBytes: () => new Uint8Array() };

/** A refusal of the constraint, as one of the schema that it is about: each is tried for itself. */
async function withTool(error: unknown, tools: readonly CallableTool[]): Promise<unknown> {
  if (!isEngineError(error) || error.code !== "invalid_request" || error.param !== "constraint") return error;
  const constrainer = createConstrainer(noTokens);
  for (const tool of tools) {
    try {
      await constrainer.compile({ type: "json_schema", schema: tool.schema });
    } catch (own) {
      return schemaRefusal(tool, own);
    }
  }
  return error;
}
