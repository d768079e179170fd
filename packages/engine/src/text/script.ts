/** One conversation and the template that renders it, as a whole or up to any message. */
import type { ToolDefinition } from "../spec.ts";
import { EngineError, type EngineErrorCode } from "../util.ts";
import type { Rendering, Script } from "./assistant-turns.ts";
import { type CallStyle, type TemplateInput, toTemplateMessages, toTemplateTools } from "./conversation.ts";
import { marks, type Template } from "./jinja.ts";
import { messageOf } from "./model-files.ts";
import { anyOf } from "./special-tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface TemplateParts {
  plain: Template;
  /** For chats with tools. */
  withTools: Template;
  /** `bos_token` and the like. */
  variables: Record<string, string>;
  knowsDeveloper: boolean;
}

export interface OpenOptions {
  tools?: readonly ToolDefinition[];
  style: CallStyle;
  /** What the template is told besides; what it is told anyway wins. */
  variables?: Readonly<Record<string, unknown>>;
  /** Of the error for messages that cannot be used. */
  code: EngineErrorCode;
  /** Omit while they are unknown: then any special token passes for one. */
  stopTokens?: ReadonlySet<string>;
}

/** `isMarked`: its template marks replies with `{% generation %}`. `renderAll` throws `code` when the template refuses. */
export type OpenScript = Script & { isMarked: boolean; renderAll(generationPrompt: boolean): Rendering };

export type OpenConversation = (messages: readonly TemplateInput[], options: OpenOptions) => OpenScript;

export function createOpener(tokenizer: Tokenizer, parts: TemplateParts): OpenConversation {
  const special = anyOf(tokenizer.specialTokens.keys());
  const eosIds = new Set(tokenizer.eosIds);
  const isEos = (token: string) => eosIds.has(tokenizer.specialTokens.get(token)!);
  return (input, { tools, style, variables: chosen = {}, code, stopTokens }) => {
    const options = { style, special, knowsDeveloper: parts.knowsDeveloper, code };
    const messages = toTemplateMessages(input, options);
    const definitions = tools?.length ? toTemplateTools(tools, options) : null;
    const template = definitions ? parts.withTools : parts.plain;
    const variables = { ...chosen, ...parts.variables, tools: definitions, documents: null };
    const render = (count: number, add_generation_prompt: boolean) =>
      readRendered(template.render({ ...variables, messages: messages.slice(0, count), add_generation_prompt }));
    return {
      messages,
      special,
      isEos,
      isStop: (token) => isEos(token) || (stopTokens?.has(token) ?? true),
      isMarked: template.marksGeneration,
      render: remember((count, generationPrompt) => {
        try {
          return render(count, generationPrompt);
        } catch {
          return null; // What the caller cannot do without this rendering, it reports.
        }
      }),
      renderAll(generationPrompt) {
        try {
          return render(messages.length, generationPrompt);
        } catch (cause) {
          throw refused(code, cause);
        }
      },
    };
  };
}

function refused(code: EngineErrorCode, cause: unknown): EngineError {
  const message = `The chat template refuses the messages: ${messageOf(cause)}`;
  return new EngineError(code, message, { param: "messages", cause });
}

/** Several turns ask for the same rendering. */
function remember(render: Script["render"]): Script["render"] {
  const kept = new Map<string, Rendering | null>();
  return (count, generationPrompt) => {
    const key = `${count} ${generationPrompt}`;
    if (!kept.has(key)) kept.set(key, render(count, generationPrompt));
    return kept.get(key)!;
  };
}

const blockMark = new RegExp(`([${marks.blockStart}${marks.blockEnd}])`);
const escapedGuard = new RegExp(`\\\\u${marks.guard.charCodeAt(0).toString(16)}`, "i");

/** Takes the marks of generation blocks out of a rendered text; the guards stay. */
function readRendered(rendered: string): Rendering {
  if (escapedGuard.test(rendered)) {
    throw new Error("it escapes non-ASCII text, so control tokens written in messages cannot be told from its own");
  }
  let text = "";
  const blocks: Rendering["blocks"] = [];
  for (const part of rendered.split(blockMark)) {
    if (part === marks.blockStart) blocks.push({ start: text.length, end: text.length });
    else if (part === marks.blockEnd) blocks.at(-1)!.end = text.length;
    else text += part;
  }
  return { text, blocks };
}
