/**
 * An error as a log may hold it. Messages quote what users sent: a row, a chat, a key. So a message is kept only where it is
 * about machines, and what it quotes is left out of the others.
 */
import { type ErrorCode, isMidrunError } from "../../errors.ts";

/** Their messages tell of disks, processes and numbers. */
const aboutMachines: readonly ErrorCode[] = ["io", "disk_full", "out_of_memory", "network", "aborted", "invalid_state"];

const longestMessage = 300;
const keptFrames = 8;

export interface DescribedError {
  name: string;
  code?: string;
  message?: string;
  /** Where it was thrown, innermost first. */
  stack?: string[];
}

const withoutQuotes = (message: string) =>
  message
    .split("\n")[0]!
    .replace(/["'`].*["'`]/, "…")
    .slice(0, longestMessage);

function messageOf(error: Error): string | undefined {
  if (isMidrunError(error)) return aboutMachines.includes(error.code) ? error.message : undefined;
  return "errno" in error ? error.message : withoutQuotes(error.message);
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** Frames alone: the stack begins with the message. */
const framesOf = ({ stack = "" }: Error) =>
  stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, keptFrames)
    .map((line) => line.trim());

export function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error)) return { name: typeof error };
  const [code, message] = [codeOf(error), messageOf(error)];
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    stack: framesOf(error),
  };
}
