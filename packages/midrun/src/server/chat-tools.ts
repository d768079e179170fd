/** What a request says about tools, as a runner is asked for it. */
import type { ToolDefinition } from "../protocol/chat.ts";
import type { ToolChoiceRequest } from "../protocol/chat-request.ts";
import type { GenerateOptions } from "./runner.ts";

export interface ToolFields {
  tools?: ToolDefinition[] | null | undefined;
  toolChoice?: ToolChoiceRequest | null | undefined;
  parallelToolCalls?: boolean | null | undefined;
}

type AskedTools = Pick<GenerateOptions, "tools" | "toolChoice" | "parallelToolCalls">;

/** Nothing where nothing is to be called. A call that is asked for without tools is left for the runner to refuse. */
export function askedTools({ tools, toolChoice, parallelToolCalls }: ToolFields): AskedTools {
  const choice = toChoice(toolChoice ?? "auto");
  if (choice === "none" || (choice === "auto" && !tools?.length)) return {};
  return {
    tools: tools ?? [],
    ...(choice === "auto" ? {} : { toolChoice: choice }),
    ...(parallelToolCalls === false ? { parallelToolCalls } : {}),
  };
}

function toChoice(choice: ToolChoiceRequest): "none" | "auto" | NonNullable<AskedTools["toolChoice"]> {
  if (typeof choice === "string") return choice;
  if (choice.type === "function") return { name: choice.function.name };
  const { mode, tools } = choice.allowed_tools;
  return { mode, allowed: tools.map((tool) => tool.function.name) };
}
