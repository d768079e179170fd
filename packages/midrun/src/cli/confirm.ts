/** Asking before something is gone for good. */
import { MidrunError } from "../errors.ts";
import type { CliIo } from "./io.ts";

/** True when the user agrees, or did with `--yes`. Where nobody types, only `--yes` can: throws `invalid_request` without. */
export async function confirm(io: CliIo, question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!io.inputIsTerminal) {
    throw new MidrunError("invalid_request", `${question} Nobody is there to answer.`, {
      hint: "Pass --yes to do it unasked.",
    });
  }
  const isAgreed = /^y(es)?$/i.test((await io.ask(`${question} [y/N] `))?.trim() ?? "");
  if (!isAgreed) io.err("Nothing was deleted.\n");
  return isAgreed;
}
