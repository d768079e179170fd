/** Constraints on the answers of one model: its tokenizer is looked at when the first one is asked for. */
import type { BaseModel } from "../base-model.ts";
import type { GenerateRequest } from "../spec.ts";
import { readModelJson } from "../text/model-files.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { EngineError, isEngineError, range } from "../util.ts";
import { tokenBytes } from "./constrain/token-bytes.ts";
import { type CompiledConstraint, type Constrainer, createConstrainer } from "./constrain.ts";
import { controlNames, endIds } from "./prompt.ts";

/** What a request is held to, ready; null when it asks for nothing. */
export type CompileRequest = (request: GenerateRequest) => Promise<CompiledConstraint | null>;

/** The function throws `invalid_request` for what cannot be enforced: the message says what and where, `param` is "constraint". */
export function createModelConstrainer(model: Pick<BaseModel, "dir" | "tokenizer" | "chatTemplate">): CompileRequest {
  const bytes = once(async () => tokenBytes(await readModelJson(model.dir, "tokenizer.json")));
  /** By the tokens that end an answer and those of control that are text: both depend on the request. */
  const constrainers = new Map<string, Constrainer>();

  async function constrainerFor(request: GenerateRequest): Promise<Constrainer> {
    const eosIds = [...endIds(model, request)];
    if (eosIds.length === 0) {
      throw new EngineError("not_supported", "This model has no token that ends an answer.", { param: "constraint" });
    }
    const ofToken = await bytes();
    const names = new Map([...controlNames(model, request)].map(([id, name]) => [id, new TextEncoder().encode(name)]));
    const key = `${eosIds} ${[...names.keys()]}`;
    const { tokenizer } = model;
    const make = () =>
      createConstrainer({
        vocabSize: tokenizer.vocabSize,
        eosIds,
        tokenBytes: (id) => names.get(id) ?? ofToken(id),
        stripsFirstSpace: stripsSpace(tokenizer, ofToken),
      });
    const constrainer = constrainers.get(key) ?? make();
    constrainers.set(key, constrainer);
    return constrainer;
  }

  return async (request) => {
    const { constraint, constraintOptions = {} } = request;
    if (constraint === undefined) return null;
    const constrainer = await constrainerFor(request);
    try {
      return await constrainer.compile(constraint, constraintOptions);
    } catch (error) {
      if (!isEngineError(error) || error.code !== "invalid_request") throw error;
      const { message, hint, cause } = error;
      throw new EngineError("invalid_request", message, { param: "constraint", ...(hint && { hint }), cause });
    }
  };
}

/** Whether a text that begins with a token " x" begins with x: what the decoder does, rather than what its description says. */
function stripsSpace({ vocabSize, decode }: Tokenizer, bytesOf: (id: number) => Uint8Array): boolean {
  const spaced = range(vocabSize).find((id) => bytesOf(id)[0] === space && (bytesOf(id)[1] ?? space) > space);
  return spaced !== undefined && !decode([spaced]).startsWith(" ");
}

const space = 0x20;

/** Makes a value at the first call; after a failure, again at the next. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
