/** What a request says about tools, as a runner is asked for it. */
import { MidrunError } from "../errors.ts";
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

/** @throws MidrunError `not_supported` for what a request says about tools in the fields that OpenAI has replaced */
export function refuseOldTools(request: { functions?: unknown; function_call?: unknown }): void {
  const newer = { functions: "tools", function_call: "tool_choice" };
  const asksNothing = (value: unknown) => value == null || value === "none" || `${value}` === "";
  for (const [param, instead] of Object.entries(newer)) {
    if (asksNothing(request[param as keyof typeof newer])) continue;
    throw new MidrunError("not_supported", `${param}: This field is not offered.`, { param, hint: `Use ${instead}.` });
  }
}

function toChoice(choice: ToolChoiceRequest): "none" | "auto" | NonNullable<AskedTools["toolChoice"]> {
  if (typeof choice === "string") return choice;
  if (choice.type === "function") return { name: choice.function.name };
  const { mode, tools } = choice.allowed_tools;
  return { mode, allowed: tools.map((tool) => tool.function.name) };
}
