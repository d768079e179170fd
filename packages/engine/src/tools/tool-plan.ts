/** What a request with tools comes to: the prompt and the constraint that the model is given, and how its answer is read. */
import type { BaseModel } from "../base-model.ts";
import type { ChatMessage, GenerateRequest, ToolDefinition } from "../spec.ts";
import type { ChatTemplate } from "../text/chat-template.ts";
import { EngineError } from "../util.ts";
import { callConstraint } from "./call-constraint.ts";
import { withShortIds } from "./call-ids.ts";
import type { CallsSyntax } from "./call-reader.ts";
import type { FoundFormat } from "./find-format.ts";
import { withOneCallEach } from "./one-by-one.ts";
import { withDescribedTools, withPlainCalls } from "./plain-messages.ts";
import { type CallableTool, type ChosenTools, chooseTools } from "./tool-choice.ts";
import { jsonList, type ToolFormat } from "./tool-format.ts";

export interface AnswerReading {
  syntax: CallsSyntax;
  /** Those that can be called. */
  tools: readonly CallableTool[];
}

export interface ToolPlan {
  /** Without a choice of tools: it has become a constraint. */
  request: GenerateRequest;
  /** Null when the answer is words only. */
  reading: AnswerReading | null;
}

/**
 * Arguments are written in one line, as chat templates write them, and without properties that the schema does not mention: models
 * get lost in blanks, and functions get arguments that they do not know.
 */
const compact = { whitespacePattern: " ?", disableAdditionalProperties: true };

type Model = Pick<BaseModel, "chatTemplate" | "tokenizer">;

/**
 * `found`: how this model writes calls. `request`: about these messages.
 *
 * @throws EngineError `tool_calling_not_configured` where a model that has no notation of its own may choose; `invalid_request`, see
 * `chooseTools` and `callConstraint`.
 */
export function planTools(
  model: Model,
  found: FoundFormat | null,
  messages: readonly ChatMessage[],
  request: Omit<GenerateRequest, "prompt">,
): ToolPlan {
  const { toolChoice: choice = "auto", parallelToolCalls: isParallel = true, tools = [], ...rest } = request;
  const chosen = chooseTools({ tools, choice, isParallel });
  const format = found?.format ?? jsonList;
  const prompt = promptWith(model.chatTemplate, found, messages, chosen ? tools : []);
  if (!chosen) return { request: { ...rest, ...prompt }, reading: null };
  if (!found && !chosen.isForced) throw notConfigured();
  // A model that was never shown how to write calls goes on with them until it is cut off.
  const callable: ChosenTools = { ...chosen, isSingle: chosen.isSingle || !found?.isParallel };
  const { constraint, atStart } = callConstraint(format, callable, request.constraint);
  const names = chosen.tools.map(({ name }) => name);
  return {
    request: {
      ...{ ...rest, ...prompt, constraint, controlText: controlText(format, model) },
      constraintOptions: request.constraintOptions ?? (request.constraint ? {} : compact),
    },
    reading: { syntax: { format, names, atStart }, tools: chosen.tools },
  };
}

function promptWith(
  template: ChatTemplate,
  found: FoundFormat | null,
  given: readonly ChatMessage[],
  tools: ToolDefinition[],
): Pick<GenerateRequest, "prompt" | "tools"> {
  const messages = template.printsCalls ? asPrinted(given, found) : withPlainCalls(given, found?.format ?? jsonList);
  if (tools.length === 0) return { prompt: { messages } };
  if (template.printsTools) return { prompt: { messages }, tools };
  return { prompt: { messages: withDescribedTools(messages, tools, template) } };
}

/** The chat as a template takes it that prints calls. */
function asPrinted(given: readonly ChatMessage[], found: FoundFormat | null): ChatMessage[] {
  const single = found?.isParallel === false ? withOneCallEach(given) : [...given];
  return found?.format.hasShortIds ? withShortIds(single) : single;
}

/** Control tokens that this format's markers consist of: they are part of the answer's text. */
function controlText(format: ToolFormat, { tokenizer }: Model): number[] {
  const markers = [...format.opens, format.separator ?? "", format.close, ...format.call];
  const isUsed = (token: string) => markers.some((marker) => marker.includes(token));
  return [...tokenizer.specialTokens].filter(([token]) => isUsed(token)).map(([, id]) => id);
}

function notConfigured(): EngineError {
  return new EngineError(
    "tool_calling_not_configured",
    "This model's chat template has no tool format, so the model cannot choose between words and calls.",
    {
      param: "tools",
      hint: 'Set the tool choice to "required" or to a function: that works with every model. Or use a model with tool calling.',
    },
  );
}
