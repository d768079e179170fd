/** The JSON texts of strings and the blanks between tokens. */

import { createRecent } from "../recent.ts";
import { atPath, refusal } from "../refuse.ts";
import { anyChar, type CharSet, charSet, charsOf, complementSet, intersectSets } from "../sets/char-set.ts";
import { anyString, type Dfa, isEmptyDfa, lengthsOf, ofLengthDfa, subtractDfa } from "../sets/dfa.ts";
import { dfaOfPattern } from "../sets/regex.ts";
import { digitRanges, digitsOf } from "./digit-ranges.ts";
import { alt, type Expr, literal, never, nothing, repeat, rule, seq } from "./expr.ts";
import { dfaExpr, regexExpr } from "./regex-expr.ts";
import { oneOf } from "./utf8.ts";

/** Blanks in a row where a JSON text may hold some: enough to indent 15 levels by four. */
const mostBlanks = 64;
const blanks = charsOf(" \t\n\r");

/** How a JSON text may be laid out: what may stand before and after every bracket, comma and colon. */
export interface LayoutOptions {
  /** No blanks at all. */
  disableAnyWhitespace?: boolean;
  /** A regular expression that every run of blanks matches, instead of up to 64 of them. */
  whitespacePattern?: string;
}

/** @throws EngineError `invalid_request` when the pattern lets anything but blanks through. */
export function blanksExpr({ disableAnyWhitespace, whitespacePattern }: LayoutOptions): Expr {
  if (disableAnyWhitespace) return nothing;
  if (whitespacePattern === undefined) return rule("blanks", () => repeat(oneOf(blanks), 0, mostBlanks));
  return atPath("whitespacePattern", () => {
    const stray = subtractDfa(dfaOfPattern(whitespacePattern, "whole"), dfaOfPattern("[ \\t\\n\\r]*", "whole"));
    if (isEmptyDfa(stray)) return rule("blanks", () => regexExpr(whitespacePattern));
    throw refusal(`${JSON.stringify(whitespacePattern)} lets through more than JSON's blanks.`, {
      hint: "Use only spaces, tabs, line feeds and carriage returns, as in [ ]?.",
    });
  });
}

/** Characters that stand for themselves in a JSON string. */
const plain = complementSet(charSet([[0, 0x1f], ...charsOf('"\\')]));
const shortEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  "\b": "b",
  "\f": "f",
  "\n": "n",
  "\r": "r",
  "\t": "t",
};

/** Every way to write one character of the set in a JSON string: itself, `\n`, `\u00e9`. */
function jsonChar(set: CharSet): Expr {
  const escapes = Object.keys(shortEscapes).filter((char) => intersectSets(set, charsOf(char)).length > 0);
  return alt([
    oneOf(intersectSets(set, plain)),
    ...escapes.map((char) => literal(`\\${shortEscapes[char]}`)),
    ...set.flatMap(([low, high]) => unicodeEscapes(low, high)),
  ]);
}

/** The way in which `JSON.stringify` writes one character of the set. */
function canonicalJsonChar(set: CharSet): Expr {
  const others = intersectSets(set, complementSet(plain)).flatMap(([low, high]) =>
    Array.from({ length: high - low + 1 }, (_, i) => JSON.stringify(String.fromCodePoint(low + i)).slice(1, -1)),
  );
  return alt([oneOf(intersectSets(set, plain)), ...others.map(literal)]);
}

function unicodeEscapes(low: number, high: number): Expr[] {
  const [from, to] = [Math.max(low, 0x10000), Math.min(high, 0xffff)];
  const units = low > to ? [] : [hexEscape(low, to)];
  return high < from ? units : [...units, ...surrogates(from - 0x10000, high - 0x10000)];
}

function surrogates(low: number, high: number): Expr[] {
  return digitRanges(digitsOf(low, 0x400, 2), digitsOf(high, 0x400, 2), 0, 0x3ff).map(([first, second]) =>
    seq(hexEscape(0xd800 + first![0], 0xd800 + first![1]), hexEscape(0xdc00 + second![0], 0xdc00 + second![1])),
  );
}

function hexEscape(low: number, high: number): Expr {
  const digits = digitRanges(digitsOf(low, 16, 4), digitsOf(high, 16, 4), 0, 15);
  return seq(literal("\\u"), alt(digits.map((ranges) => seq(...ranges.map(([a, b]) => hexDigit(a, b))))));
}

function hexDigit(low: number, high: number): Expr {
  const shifted = (first: number, from: number, to: number): [number, number][] =>
    from > to ? [] : [[first + from, first + to]];
  const [a, b] = [Math.max(low, 10) - 10, high - 10];
  return {
    kind: "byte",
    ranges: [...shifted(0x30, low, Math.min(high, 9)), ...shifted(0x41, a, b), ...shifted(0x61, a, b)],
  };
}

/** One `"…"` whose content is what `content` says. */
export function quoted(content: Expr): Expr {
  return seq(literal('"'), content, literal('"'));
}

/** What has been made for a language stays as long as the language does; patterns and formats are remembered. */
const made = new WeakMap<Dfa, Map<string, Expr>>();

/** JSON strings whose value is in the language and has `min … max` code points. */
export function jsonString(dfa: Dfa, min: number, max: number): Expr {
  const known = made.get(dfa) ?? new Map<string, Expr>();
  made.set(dfa, known);
  const key = `${min} ${max}`;
  const expr = known.get(key) ?? rule("string", () => quoted(contentExpr(dfa, min, max)));
  known.set(key, expr);
  return expr;
}

const anyJsonChar = jsonChar(anyChar);
const characters = createRecent<Expr>(500);

function contentExpr(dfa: Dfa, min: number, max: number): Expr {
  if (dfa === anyString) return repeat(anyJsonChar, min, max);
  const lengths = lengthsOf(dfa);
  const fits = min <= lengths.min && max >= lengths.max;
  const language = fits ? dfa : ofLengthDfa(dfa, min, max);
  if (isEmptyDfa(language)) return never;
  const isEndless = lengthsOf(language).max === Number.POSITIVE_INFINITY;
  // Where there are finitely many strings, one text each is enough.
  if (!isEndless) return dfaExpr(language, canonicalJsonChar);
  return dfaExpr(language, (set) => characters.get(String(set), () => rule("character", () => jsonChar(set))));
}
