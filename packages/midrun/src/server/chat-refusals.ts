/** What a chat request may ask for and nobody can give yet, or this runner cannot: refused by name, never silently ignored. */
import { type ErrorCode, MidrunError } from "../errors.ts";
import { type GenerateInput, generateOptions, type Runner } from "./runner.ts";

/** OpenAI's clients send null for "not given". */
export interface ChatExtras {
  tools?: unknown[] | null;
  toolChoice?: string | object | null;
}

interface Refusal {
  /** Whether the values given ask for anything at all: `n: 1` does not. */
  isAsked: (extras: ChatExtras) => boolean;
  code: ErrorCode;
  message: string;
}

const notYet = (what: string, hint = "Leave it out.") => `${what} not available on this server yet. ${hint}`;
const isChoice = (choice: ChatExtras["toolChoice"]) => choice != null && choice !== "none" && choice !== "auto";

const refusals: { [K in keyof Required<ChatExtras>]: Refusal } = {
  tools: {
    isAsked: ({ tools, toolChoice }) => (tools ?? []).length > 0 && toolChoice !== "none",
    code: "tool_calling_not_configured",
    message: notYet("Tool calling is", 'Leave the tools out, or set the tool choice to "none".'),
  },
  toolChoice: {
    isAsked: ({ toolChoice }) => isChoice(toolChoice),
    code: "tool_calling_not_configured",
    message: notYet("Tool calling is"),
  },
};

/**
 * @param spell how the route at hand writes a field's name
 * @throws MidrunError `tool_calling_not_configured` or `not_supported`, naming the field
 */
export function refuseExtras(extras: ChatExtras, spell: (name: string) => string): void {
  for (const [name, { isAsked, code, message }] of Object.entries(refusals)) {
    if (isAsked(extras)) throw new MidrunError(code, `${spell(name)}: ${message}`, { param: spell(name) });
  }
}

/** @throws MidrunError `not_supported`, naming the first option that the runner does not obey */
export function refuseBeyond(
  { can = [] }: Pick<Runner, "can">,
  input: Partial<GenerateInput>,
  spell: (param: string) => string,
): void {
  const beyond = generateOptions.find((option) => input[option] !== undefined && !can.includes(option));
  if (beyond === undefined) return;
  const param = spell(beyond);
  throw new MidrunError("not_supported", `${param}: The engine that this model runs on does not offer it.`, {
    param,
    hint: "Leave it out.",
  });
}
