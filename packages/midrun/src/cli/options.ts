/** Options that several commands have, and the numbers in them. */
import { InvalidArgumentError, Option } from "commander";

export interface JsonOption {
  json?: boolean;
}

export const jsonOption = (what = "as JSON") => new Option("--json", what);

function parsedNumber(text: string, isAccepted: (value: number) => boolean, accepted: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (isAccepted(value)) return value;
  throw new InvalidArgumentError(`Expected ${accepted}.`);
}

export function positiveInteger(text: string): number {
  return parsedNumber(text, (value) => Number.isSafeInteger(value) && value > 0, "a whole number above 0");
}

export function wholeNumber(text: string): number {
  return parsedNumber(text, (value) => Number.isSafeInteger(value) && value >= 0, "a whole number");
}

export function notNegative(text: string): number {
  return parsedNumber(text, (value) => Number.isFinite(value) && value >= 0, "a number, 0 or more");
}
