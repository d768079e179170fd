/** An error as the terminal shows it: one message and how to fix it. */
import { isMidrunError } from "../errors.ts";

/** The stack, with its causes, only with `debug`. */
export function formatError(error: unknown, debug: boolean): string {
  const text = error instanceof Error ? error.message : String(error);
  const { message, hint } = forTerminal(text, isMidrunError(error) ? error.hint : null);
  const lines = [`midrun: ${message}`];
  if (hint) lines.push(`  ${hint}`);
  if (debug) lines.push(...traceOf(error));
  else if (!isMidrunError(error)) lines.push("  This was not expected. Run again with --debug for the details.");
  return `${lines.join("\n")}\n`;
}

/** What a server says of its routes, at the end of a message or as a hint, and the command that does the same. */
const routes: readonly [route: RegExp, command: string][] = [
  [/\bGET \/v1\/(jobs|models) lists\b/, "midrun $1 list shows"],
  [/\bGET \/v1\/jobs\/\S+\/artifacts lists\b/, "midrun jobs show lists"],
  [/\bSend it in the header `Authorization: Bearer sk-midrun-…`;/, "Set MIDRUN_API_KEY to one;"],
  [/\bPOST \/v1\/jobs\/\S+\/(resume|cancel|pause)\b/, "midrun jobs $1"],
];

function forTerminal(text: string, given: string | null): { message: string; hint: string | null } {
  const inMessage = routes.find(([route]) => route.test(text));
  const at = inMessage ? text.search(inMessage[0]) : text.length;
  const said = given ?? (text.slice(at) || null);
  const hint = routes.reduce((words, [route, command]) => words?.replace(route, command) ?? null, said);
  return { message: text.slice(0, at).trimEnd(), hint };
}

function traceOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const own = error.stack ?? "(no stack)";
  return error.cause === undefined ? [own] : [own, "Caused by:", ...traceOf(error.cause), String(error.cause)];
}
