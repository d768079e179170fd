/** A tokenizer's tokens as a tree of their bytes, so that all of them are tried against a grammar in one walk. */
import { range } from "../../../util.ts";
import { createRecent } from "../recent.ts";
import type { GrammarAutomaton } from "./automaton.ts";

/** What constrained decoding needs to know of a tokenizer. */
export interface TokenSource {
  /** Ids are 0 … vocabSize - 1. */
  vocabSize: number;
  /** Tokens that end the answer. */
  eosIds: readonly number[];
  /** The bytes that a token adds to the text; none for control tokens, which are then never allowed. */
  tokenBytes(id: number): Uint8Array;
  /** The decoder takes a space off the first token of a text. Default false. */
  stripsFirstSpace?: boolean;
}

export interface Vocabulary {
  /** The bytes that a token adds to the text, as its first token or as a later one; null for one that is never allowed. */
  bytesOf(id: number, isFirst: boolean): Uint8Array | null;
  /**
   * Bit `id & 31` of word `id >> 5` is 1 where the token may follow in `config`, as the first or a later one; the ends of the answer
   * where it is complete. Masks are remembered: not to be written to.
   */
  mask(automaton: GrammarAutomaton, config: number, isFirst: boolean): Int32Array;
}

/** The tree in depth-first order: node `i` is `bytes[i]` at `depths[i]`; what follows it ends before `ends[i]`. */
interface Tree {
  bytes: Uint8Array;
  depths: Uint16Array;
  ends: Int32Array;
  /** The ids of the tokens that end at node `i` are `ids[firstIds[i]] … ids[firstIds[i + 1] - 1]`. */
  firstIds: Int32Array;
  ids: Int32Array;
  deepest: number;
}

/** Bytes of masks that are remembered, for all constraints together: about 800 masks for a vocabulary of 150,000. */
const mostMaskBytes = 16 * 2 ** 20;

export function createVocabulary(tokens: TokenSource): Vocabulary {
  const later = createTree(tokens);
  const strips = tokens.stripsFirstSpace ?? false;
  const strippedBytes = (id: number) => withoutSpace(tokens.tokenBytes(id));
  /** Tokens that are stripped to nothing. */
  const blanks = strips ? range(tokens.vocabSize).filter((id) => isBlank(tokens.tokenBytes(id))) : [];
  let first: TreeWithPath | null = strips ? null : later;
  const treeFor = (isFirst: boolean): TreeWithPath => {
    if (!isFirst) return later;
    first ??= createTree({ ...tokens, tokenBytes: strippedBytes });
    return first;
  };
  const size = Math.ceil(tokens.vocabSize / 32);
  const kept = createRecent<Int32Array>(Math.max(64, Math.floor(mostMaskBytes / (4 * size))));
  const numbers = new WeakMap<GrammarAutomaton, number>();
  let automata = 0;

  const compute = (automaton: GrammarAutomaton, config: number, { tree, path }: TreeWithPath): Int32Array => {
    const words = new Int32Array(size);
    walk(tree, automaton, path, config, words);
    if (automaton.isComplete(config)) setBits(words, tokens.eosIds);
    if (tree !== later.tree) setBits(words, blanks);
    return words;
  };
  return {
    bytesOf(id, isFirst) {
      const bytes = tokens.tokenBytes(id);
      if (bytes.length === 0) return null;
      return isFirst && strips ? withoutSpace(bytes) : bytes;
    },
    mask(automaton, config, isFirst) {
      const number = numbers.get(automaton) ?? automata++;
      numbers.set(automaton, number);
      const key = `${number} ${config}${isFirst && strips ? " first" : ""}`;
      return kept.get(key, () => compute(automaton, config, treeFor(isFirst)));
    },
  };
}

function setBits(words: Int32Array, ids: readonly number[]): void {
  for (const id of ids) words[id >> 5]! |= 1 << (id & 31);
}

const isBlank = (bytes: Uint8Array) => bytes.length === 1 && bytes[0] === 0x20;
const withoutSpace = (bytes: Uint8Array) => (bytes[0] === 0x20 ? bytes.subarray(1) : bytes);

/** A tree, and room for the way down to its deepest node. */
interface TreeWithPath {
  tree: Tree;
  path: Int32Array;
}

function createTree(tokens: TokenSource): TreeWithPath {
  const tree = buildTree(tokens);
  return { tree, path: new Int32Array(tree.deepest + 2) };
}

/** `path[depth]` is the configuration after the bytes above that depth. */
function walk(tree: Tree, automaton: GrammarAutomaton, path: Int32Array, start: number, words: Int32Array): void {
  const { bytes, depths, ends, firstIds, ids } = tree;
  const { classes, classOf } = automaton;
  let { table } = automaton;
  path[0] = start;
  for (let at = 0; at < bytes.length; ) {
    const depth = depths[at]!;
    const before = path[depth]!;
    let config = table[before * classes + classOf[bytes[at]!]!]!;
    if (config < -1) {
      config = automaton.step(before, bytes[at]!);
      table = automaton.table;
    }
    if (config < 0) {
      at = ends[at]!;
      continue;
    }
    path[depth + 1] = config;
    for (let i = firstIds[at]!; i < firstIds[at + 1]!; i++) words[ids[i]! >> 5]! |= 1 << (ids[i]! & 31);
    at++;
  }
}

function buildTree(tokens: TokenSource): Tree {
  const sorted = sortedTokens(tokens);
  const bytes: number[] = [];
  const depths: number[] = [];
  const firstIds: number[] = [];
  const ids: number[] = [];
  let before = "";
  for (const { text, id } of sorted) {
    for (let depth = shared(before, text); depth < text.length; depth++) {
      bytes.push(text.charCodeAt(depth));
      depths.push(depth);
      firstIds.push(ids.length);
    }
    ids.push(id);
    before = text;
  }
  return {
    bytes: Uint8Array.from(bytes),
    depths: Uint16Array.from(depths),
    ends: endsOf(depths),
    firstIds: Int32Array.from([...firstIds, ids.length]),
    ids: Int32Array.from(ids),
    deepest: depths.reduce((deepest, depth) => Math.max(deepest, depth), 0),
  };
}

/** By their bytes, which are held as the code units of a string. */
function sortedTokens({ vocabSize, eosIds, tokenBytes }: TokenSource): { text: string; id: number }[] {
  const ends = new Set(eosIds);
  const list: { text: string; id: number }[] = [];
  for (let id = 0; id < vocabSize; id++) {
    const bytes = ends.has(id) ? [] : tokenBytes(id);
    if (bytes.length > 0) list.push({ text: String.fromCharCode(...bytes), id });
  }
  return list.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : a.id - b.id));
}

function shared(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

function endsOf(depths: readonly number[]): Int32Array {
  const ends = new Int32Array(depths.length);
  const open: number[] = [];
  depths.forEach((depth, at) => {
    while (open.length > depth) ends[open.pop()!] = at;
    open.push(at);
  });
  for (const at of open) ends[at] = depths.length;
  return ends;
}
