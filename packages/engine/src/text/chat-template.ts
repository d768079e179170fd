/** Chats to token ids, with the loss weight of every token: what the model is asked is what it was trained on. */
import type { ChatMessage, ToolDefinition } from "../spec.ts";
import { EngineError, type EngineErrorCode } from "../util.ts";
import { findClosings } from "./assistant-turns.ts";
import { findCallStyle } from "./call-style.ts";
import { checkCalls, checkText, createWeights, lostCall } from "./chat-checks.ts";
import { layOut, tokenAt } from "./chat-layout.ts";
import type { CallStyle, TemplateInput } from "./conversation.ts";
import { type EncodedExample, encodeLayout } from "./encode-layout.ts";
import { compileTemplate, marks, type Template } from "./jinja.ts";
import { messageOf, readModelJson } from "./model-files.ts";
import { createOpener, type OpenConversation, type TemplateParts } from "./script.ts";
import { namedTokens } from "./special-tokens.ts";
import { readTemplateSources, type TemplateSources } from "./template-source.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface PromptOptions {
  tools?: ToolDefinition[];
  /** What the template is told besides, such as `enable_thinking`; what it is told anyway wins. */
  variables?: Readonly<Record<string, unknown>>;
}

export interface ExampleOptions extends Pick<PromptOptions, "tools"> {
  /** Loss on the assistant's turns only. Default true. */
  trainOnResponsesOnly?: boolean;
}

export interface ChatTemplate {
  /** True when the template prints tool definitions and tool calls; without it, rows with tools are refused. */
  readonly hasToolFormat: boolean;
  /** It prints tool definitions. Then prompts may have tools, even where it prints no calls. */
  readonly printsTools: boolean;
  /** It prints tool calls, with name and arguments. */
  readonly printsCalls: boolean;
  /** The tokenizer's EOS ids and the token with which this template ends a reply: what generation should stop at. */
  readonly stopIds: readonly number[];
  /** The text as the model sees it, control tokens spelled out. Throws `invalid_request`. */
  renderText(messages: readonly ChatMessage[], options: PromptOptions & { addGenerationPrompt: boolean }): string;
  /**
   * Ids of a chat that ends where the assistant is to speak. Exactly one BOS when the tokenizer wants one. They begin
   * the ids of every training example that goes on from these messages. Throws `invalid_request`.
   */
  encodePrompt(messages: readonly ChatMessage[], options?: PromptOptions): number[];
  /**
   * Ids and loss weights of a finished chat. Special tokens in messages are ordinary text. Throws `invalid_dataset`
   * when the template loses something that was to be trained or the trained tokens cannot be told exactly, and
   * `invalid_model` when it could not teach the model to stop.
   */
  encodeExample(messages: readonly TemplateInput[], options?: ExampleOptions): EncodedExample;
}

/**
 * Reads the chat template of a model directory: chat_template.jinja, chat_template.json or tokenizer_config.json.
 * A model without one still loads; its template throws `invalid_model` when used. `now` is the clock of templates that
 * print the date: give a fixed one where rendering must repeat exactly.
 */
export async function loadChatTemplate(
  modelDir: string,
  tokenizer: Tokenizer,
  { now = () => new Date() }: { now?: () => Date } = {},
): Promise<ChatTemplate> {
  const { config, variables } = await readTokens(modelDir);
  const sources = await readTemplateSources(modelDir, config);
  if (sources === null) return missingTemplate(modelDir, tokenizer);
  return fromSources(tokenizer, sources, variables, now);
}

/** The same from Jinja source instead of the model's own template. Throws `invalid_model` when it cannot be read. */
export async function parseChatTemplate(
  source: string,
  modelDir: string,
  tokenizer: Tokenizer,
  { now = () => new Date() }: { now?: () => Date } = {},
): Promise<ChatTemplate> {
  const { variables } = await readTokens(modelDir);
  return fromSources(tokenizer, { plain: source, withTools: source }, variables, now);
}

async function readTokens(modelDir: string) {
  const config = (await readModelJson(modelDir, "tokenizer_config.json")) ?? {};
  const tokensMap = (await readModelJson(modelDir, "special_tokens_map.json")) ?? {};
  return { config, variables: namedTokens(config, tokensMap) };
}

function fromSources(
  tokenizer: Tokenizer,
  sources: TemplateSources,
  variables: TemplateParts["variables"],
  now: () => Date,
): ChatTemplate {
  const compile = (source: string) => compileOrThrow(source, now);
  const plain = compile(sources.plain);
  return createChatTemplate(tokenizer, {
    plain,
    withTools: sources.withTools === sources.plain ? plain : compile(sources.withTools),
    variables,
    knowsDeveloper: sources.plain.includes("developer"),
  });
}

function compileOrThrow(source: string, now: () => Date): Template {
  try {
    return compileTemplate(source, { now });
  } catch (cause) {
    throw new EngineError("invalid_model", `The chat template cannot be read: ${messageOf(cause)}`, {
      param: "chat_template",
      cause,
    });
  }
}

function missingTemplate(modelDir: string, tokenizer: Tokenizer): ChatTemplate {
  const fail = (): never => {
    throw new EngineError("invalid_model", `${modelDir} has no chat template.`, {
      param: "chat_template",
      hint: 'Use an instruction-tuned model, add a chat_template.jinja, or train on datasetFormat "text" or "prompt_completion".',
    });
  };
  const none = { hasToolFormat: false, printsTools: false, printsCalls: false };
  return { ...none, stopIds: tokenizer.eosIds, renderText: fail, encodePrompt: fail, encodeExample: fail };
}

function createChatTemplate(tokenizer: Tokenizer, parts: TemplateParts): ChatTemplate {
  const open = createOpener(tokenizer, parts);
  const { style, printsCalls, printsTools } = findCallStyle((messages, tools, candidate) => {
    const script = open(messages, { tools, style: candidate, code: "internal" });
    return script.render(messages.length, false)?.text ?? null;
  });
  const hasToolFormat = printsTools && printsCalls;
  const stopTokens = findStopTokens(open, style);
  const stopIds = [...stopTokens].map((token) => tokenizer.specialTokens.get(token)!);

  const begin = (
    messages: readonly TemplateInput[],
    { tools, variables = {} }: PromptOptions,
    code: EngineErrorCode,
  ) => {
    if (messages.length === 0) throw new EngineError(code, "The chat has no messages.", { param: "messages" });
    const takesTools = code === "invalid_request" ? printsTools : hasToolFormat;
    if (tools?.length && !takesTools) throw toolsWithoutFormat(code);
    const call = messages.findIndex((message) => message.role === "assistant" && message.tool_calls?.length);
    if (call !== -1 && !printsCalls) throw lostCall(call, "tool calls", code);
    return open(messages, { tools, style, variables, code, stopTokens });
  };

  return {
    hasToolFormat,
    printsTools,
    printsCalls,
    stopIds: [...new Set([...tokenizer.eosIds, ...stopIds])],
    renderText(messages, { addGenerationPrompt, ...options }) {
      const { text } = begin(messages, options, "invalid_request").renderAll(addGenerationPrompt);
      return text.replaceAll(marks.guard, "");
    },
    encodePrompt(messages, options = {}) {
      const script = begin(messages, options, "invalid_request");
      const layout = layOut(script, script.renderAll(true), script.isMarked);
      checkCalls(script, layout, "invalid_request");
      return encodeLayout(tokenizer, layout, () => 0).ids;
    },
    encodeExample(messages, { tools, trainOnResponsesOnly = true } = {}) {
      const script = begin(messages, { tools }, "invalid_dataset");
      const layout = layOut(script, script.renderAll(false), script.isMarked);
      checkCalls(script, layout, "invalid_dataset");
      const weightOf = createWeights(messages, layout, trainOnResponsesOnly);
      checkText(script, layout, messages);
      return encodeLayout(tokenizer, layout, weightOf);
    },
  };
}

/** The token that ends the reply of the smallest chat; none when the template has none or refuses that chat. */
function findStopTokens(open: OpenConversation, style: CallStyle): Set<string> {
  const messages: ChatMessage[] = [
    { role: "user", content: "hello" },
    { role: "assistant", content: "hello" },
  ];
  const script = open(messages, { style, code: "internal" });
  const own = script.render(2, false);
  const prompt = script.render(1, true);
  if (own === null || prompt === null) return new Set();
  const block = own.blocks.at(-1);
  const reply = block ? own.text.slice(block.start, block.end) : own.text.slice(prompt.text.length);
  const token = findClosings(reply, script)[0]?.token ?? (block && tokenAt(script.special, own.text, block.end));
  return new Set(token ? [token] : []);
}

function toolsWithoutFormat(code: EngineErrorCode): EngineError {
  return new EngineError(code, "There are tools, and the chat template of this model has no tool format.", {
    param: "tools",
    hint: "Use a model with tool calling, or describe the tools in the system message.",
  });
}
