/** Text to token ids and back, as the model's own tokenizer.json says, with special tokens under the caller's control. */
import { Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import { EngineError } from "../util.ts";
import { createCodec } from "./codec.ts";
import { isObject, type JsonObject, messageOf, readModelJson } from "./model-files.ts";
import { type AddedToken, addedTokens, declaredSpecial, namedTokens } from "./special-tokens.ts";

export interface EncodeOptions {
  /**
   * `false` (default): text such as `<|im_end|>` becomes ordinary text tokens, whoever wrote it.
   * `true`: it becomes the special token.
   */
  specialTokens?: boolean;
}

export interface Tokenizer {
  /** One more than the largest id; embedding rows from here on are padding, never to be trained or sampled. */
  readonly vocabSize: number;
  readonly bosId: number | null;
  /** The BOS id if raw text must start with one (the tokenizer's own post-processor adds it), else null. */
  readonly bosForText: number | null;
  /** The pad token, else the first EOS, else 0. */
  readonly padId: number;
  /** Every id that ends a generation; the first is the tokenizer's own `eos_token`. */
  readonly eosIds: readonly number[];
  /** Control tokens by content. `decode` skips them, `encode` gives them only when asked. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Ids of the text. Never adds BOS or EOS by itself. */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * Ids of a text given in consecutive parts, one list for each part: no token crosses from a part into the next.
   * `guard` is one character that is dropped after special tokens were looked for: `<␣|im_end|>` with ␣ for the guard
   * is encoded as the ordinary text `<|im_end|>`.
   */
  encodeParts(parts: readonly string[], options?: EncodeOptions & { guard?: string }): number[][];
  /** Text of the ids without special tokens. Throws `invalid_request` for an id outside the vocabulary. */
  decode(ids: ArrayLike<number>): string;
  tokenId(token: string): number | undefined;
}

/**
 * Reads tokenizer.json, tokenizer_config.json, special_tokens_map.json, generation_config.json and config.json.
 * Only the first is required. Throws `invalid_model` when it is missing or of a kind that cannot be read.
 */
export async function loadTokenizer(modelDir: string): Promise<Tokenizer> {
  const read = (name: string) => readModelJson(modelDir, name);
  const tokenizer = await read("tokenizer.json");
  if (tokenizer === null) {
    throw new EngineError("invalid_model", `${modelDir} has no tokenizer.json.`, {
      param: "tokenizer.json",
      hint: "Save it from Python: AutoTokenizer.from_pretrained(model).save_pretrained(directory).",
    });
  }
  return createTokenizer({
    tokenizer,
    tokenizerConfig: (await read("tokenizer_config.json")) ?? {},
    specialTokensMap: (await read("special_tokens_map.json")) ?? {},
    generationConfig: (await read("generation_config.json")) ?? {},
    config: (await read("config.json")) ?? {},
  });
}

interface TokenizerFiles {
  tokenizer: JsonObject;
  tokenizerConfig: JsonObject;
  specialTokensMap: JsonObject;
  generationConfig: JsonObject;
  config: JsonObject;
}

function createTokenizer(files: TokenizerFiles): Tokenizer {
  const added = addedTokens(files.tokenizer, files.tokenizerConfig);
  const idOf = vocabulary(files.tokenizer, added);
  const named = namedTokens(files.tokenizerConfig, files.specialTokensMap);
  const namedId = (name: keyof typeof named) => idOf.get(named[name] ?? "") ?? null;
  const vocabSize = largest(idOf.values()) + 1;
  const eosIds = eosOf(files, namedId("eos_token")).filter((id) => id < vocabSize);
  const special = specialOf(files, added, idOf, new Set(eosIds));
  const specialTokens = new Map(special.map((token) => [token.content, token.id]));
  const bosId = namedId("bos_token");
  const hub = openHubTokenizer(
    files,
    added.filter((token) => !specialTokens.has(token.content)),
  );
  return {
    vocabSize,
    bosId,
    bosForText: startsTextWith(files, idOf, bosId),
    padId: namedId("pad_token") ?? eosIds[0] ?? 0,
    eosIds,
    specialTokens,
    ...createCodec(hub, special, { vocabSize, spaceOnlyFirst: spaceOnlyFirst(files.tokenizer) }),
    tokenId: (token) => idOf.get(token),
  };
}

function largest(ids: Iterable<number>): number {
  let result = -1;
  for (const id of ids) result = Math.max(result, id);
  return result;
}

/** Token to id: the model's vocabulary (an object, or Unigram's list of [token, score]), then the added tokens. */
function vocabulary(tokenizer: JsonObject, added: readonly AddedToken[]): Map<string, number> {
  const vocab = isObject(tokenizer.model) ? tokenizer.model.vocab : undefined;
  const entries: [string, number][] = Array.isArray(vocab)
    ? vocab.map((entry, id) => [String(entry[0]), id])
    : Object.entries((vocab ?? {}) as Record<string, number>);
  const idOf = new Map(entries);
  for (const token of added) idOf.set(token.content, token.id);
  return idOf;
}

/** The tokenizer's `eos_token` first, then what generation_config.json and config.json stop at. */
function eosOf({ generationConfig, config }: TokenizerFiles, own: number | null): number[] {
  const textConfig = isObject(config.text_config) ? config.text_config : {};
  const others = [generationConfig.eos_token_id, config.eos_token_id, textConfig.eos_token_id].flat();
  const ids = [own, ...others].filter((id): id is number => Number.isInteger(id) && (id as number) >= 0);
  return [...new Set(ids)];
}

/** Added tokens flagged special, tokens the configuration names, and added tokens that end a generation. */
function specialOf(
  { tokenizerConfig, specialTokensMap }: TokenizerFiles,
  added: readonly AddedToken[],
  idOf: ReadonlyMap<string, number>,
  eosIds: ReadonlySet<number>,
): AddedToken[] {
  const declared = declaredSpecial(tokenizerConfig, specialTokensMap);
  const fromAdded = added.filter((token) => token.special || declared.has(token.content) || eosIds.has(token.id));
  const known = new Set(fromAdded.map((token) => token.content));
  const fromVocabulary = [...declared].flatMap((content) => {
    const id = known.has(content) ? undefined : idOf.get(content);
    return id === undefined ? [] : [{ content, id, special: true, lstrip: false, rstrip: false, normalized: false }];
  });
  return [...fromAdded, ...fromVocabulary];
}

/** The library sees no special token at all: what is special is split off before it, and skipped after it. */
function openHubTokenizer({ tokenizer, tokenizerConfig }: TokenizerFiles, ordinary: AddedToken[]): HubTokenizer {
  const absent = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  try {
    const hub = new HubTokenizer({ ...absent, ...tokenizer, added_tokens: ordinary }, tokenizerConfig);
    keepByteOrderMarks(hub.decoder as HubDecoder | null);
    return hub;
  } catch (cause) {
    throw new EngineError("invalid_model", `tokenizer.json cannot be used: ${messageOf(cause)}`, {
      param: "tokenizer.json",
      cause,
    });
  }
}

interface HubDecoder {
  decoders?: HubDecoder[];
  text_decoder?: TextDecoder;
}

/** The library's byte fallback loses a U+FEFF at the start of a run of bytes. */
function keepByteOrderMarks(decoder: HubDecoder | null): void {
  if (decoder === null) return;
  for (const inner of decoder.decoders ?? []) keepByteOrderMarks(inner);
  if (decoder.text_decoder) decoder.text_decoder = new TextDecoder("utf-8", { ignoreBOM: true });
}

/** What goes before raw text: `add_bos_token` decides where it is given, else the post-processor. */
function startsTextWith(files: TokenizerFiles, idOf: ReadonlyMap<string, number>, bosId: number | null): number | null {
  const explicit = files.tokenizerConfig.add_bos_token;
  if (typeof explicit === "boolean") return explicit ? bosId : null;
  return idOf.get(leadingToken(files.tokenizer.post_processor) ?? "") ?? null;
}

function leadingToken(processor: unknown): string | undefined {
  if (!isObject(processor)) return undefined;
  if (Array.isArray(processor.processors)) return processor.processors.map(leadingToken).find((token) => token);
  const first: unknown = Array.isArray(processor.single) ? processor.single[0] : undefined;
  const special = isObject(first) ? first.SpecialToken : undefined;
  return isObject(special) && typeof special.id === "string" ? special.id : undefined;
}

/** True for SentencePiece tokenizers that put a space before a text, but not before what follows a special token. */
function spaceOnlyFirst(tokenizer: JsonObject): boolean {
  return JSON.stringify(tokenizer.pre_tokenizer ?? null).includes('"prepend_scheme":"first"');
}

export interface StreamingDecoder {
  /** The text that this token completes; "" while a character is still missing bytes. */
  push(id: number): string;
  /** The rest at the end of the ids: an unfinished character as U+FFFD, as `decode` gives it. */
  flush(): string;
}

/**
 * Decodes ids one at a time. Emits whole characters only; everything it emits, in a row, is `tokenizer.decode(ids)`.
 *
 * It keeps the ids of the last emission: what a token adds is read off the difference between decoding those with and
 * without it, so that a leading space, which a decoder drops at the start of a text, is not lost in the middle.
 *
 * @param names control tokens that are emitted by these names, where `decode` gives nothing
 */
export function createTextDecoder(
  tokenizer: Pick<Tokenizer, "decode">,
  names: ReadonlyMap<number, string> = new Map(),
): StreamingDecoder {
  let emitted: number[] = [];
  let pending: number[] = [];
  const take = (isEnd: boolean) => {
    const before = tokenizer.decode(emitted);
    const added = tokenizer.decode([...emitted, ...pending]).slice(before.length);
    if (!isEnd && added.endsWith("\uFFFD")) return "";
    // A token without text (a special one) is no place to begin from: the last text before it still is.
    emitted = added === "" ? [...emitted, ...pending] : pending;
    pending = [];
    return added;
  };
  return {
    push(id) {
      const name = names.get(id);
      if (name !== undefined) return take(true) + name;
      pending.push(id);
      return take(false);
    },
    flush: () => take(true),
  };
}
