/** What a chat request may ask for and this runner cannot do: refused by name, never silently ignored. */
import { MidrunError } from "../errors.ts";
import { type GenerateInput, generateOptions, type Runner } from "./runner.ts";

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
