/** Follows answers through a grammar, token by token. */
import { refusal } from "../refuse.ts";
import { createAutomaton, type GrammarAutomaton } from "./automaton.ts";
import type { Network } from "./network.ts";
import type { TokenSource, Vocabulary } from "./vocabulary.ts";

/** Follows one answer. */
export interface Matcher {
  /**
   * Bit `id & 31` of word `id >> 5` is 1 where token `id` may come next; the tokenizer's end tokens are among them once the answer is
   * complete, and nothing is after one of those. Shared: not to be written to.
   */
  mask(): Int32Array;
  /** Takes the next token. @throws EngineError `invalid_request` for one that the mask excludes. */
  accept(id: number): void;
  /** May the answer end here? */
  isComplete(): boolean;
  /** Frees what this answer holds; it cannot go on. */
  release(): void;
}

export interface Matching {
  start(): Matcher;
  /** Is exactly this text in the language? */
  accepts(text: string): boolean;
}

/** Configurations that are remembered before everything is found out anew: some tens of megabytes, more for long answers. */
const mostConfigs = 50_000;
const mostConfigsPerByte = 20;
export function createMatching(network: Network, vocabulary: Vocabulary, tokens: TokenSource): Matching {
  let automaton = createAutomaton(network);
  const fresh = (length: number) => {
    if (automaton.size > mostConfigs + mostConfigsPerByte * length) automaton = createAutomaton(network);
    return automaton;
  };
  return {
    start: () => createMatcher(fresh, vocabulary, tokens),
    accepts(text) {
      const bytes = new TextEncoder().encode(text);
      const config = follow(fresh(bytes.length), automaton.start, bytes);
      return config >= 0 && automaton.isComplete(config);
    },
  };
}

/** -1 when the bytes cannot follow. */
function follow(automaton: GrammarAutomaton, start: number, bytes: Iterable<number>): number {
  let config = start;
  for (const byte of bytes) {
    config = automaton.step(config, byte);
    if (config < 0) return -1;
  }
  return config;
}

/** `fresh`: the automaton to use for an answer of this length; another one when the last has remembered too much. */
function createMatcher(
  fresh: (length: number) => GrammarAutomaton,
  vocabulary: Vocabulary,
  tokens: TokenSource,
): Matcher {
  const nothing = new Int32Array(Math.ceil(tokens.vocabSize / 32));
  let automaton = fresh(0);
  let config = automaton.start;
  let begun = false;
  let ended = false;
  /** What has been read: to find the place again in a fresh automaton. */
  const read: number[] = [];

  const renew = () => {
    const next = fresh(read.length);
    if (next === automaton) return;
    automaton = next;
    config = follow(next, next.start, read);
  };

  return {
    mask() {
      if (ended) return nothing;
      renew();
      return vocabulary.mask(automaton, config, !begun);
    },
    accept(id) {
      const isEnd = tokens.eosIds.includes(id);
      const bytes = isEnd ? new Uint8Array() : vocabulary.bytesOf(id, !begun);
      const isAllowed = !ended && (!isEnd || automaton.isComplete(config));
      const next = isAllowed && bytes !== null ? follow(automaton, config, bytes) : -1;
      if (next < 0 || bytes === null)
        throw refusal(`Token ${id} is not allowed here.`, { path: "token", hint: "Sample from the mask." });
      config = next;
      begun = true;
      ended = isEnd;
      for (const byte of bytes) read.push(byte);
    },
    isComplete: () => ended || automaton.isComplete(config),
    release() {
      ended = true;
      read.length = 0;
    },
  };
}
