/** From a request to the ids that the model is given, and how many it may answer. */
import type { BaseModel } from "../base-model.ts";
import type { GenerateRequest } from "../spec.ts";
import { EngineError } from "../util.ts";

/** At least one id. Throws `invalid_request`, or `context_length_exceeded` when no room is left for an answer. */
export function promptIds(model: BaseModel, request: GenerateRequest): number[] {
  const ids = encode(model, request);
  const most = model.spec.maxPositions - 1;
  if (ids.length <= most) return ids;
  const param = "messages" in request.prompt ? "messages" : "prompt";
  throw new EngineError(
    "context_length_exceeded",
    `The prompt has ${ids.length} tokens; this model's context holds ${most + 1}, of which one is needed for the answer.`,
    { param, hint: `Shorten the ${param}.` },
  );
}

function encode(
  { tokenizer, chatTemplate }: BaseModel,
  { prompt, tools, templateVariables: variables }: GenerateRequest,
): number[] {
  if ("messages" in prompt)
    return chatTemplate.encodePrompt(prompt.messages, { ...(tools && { tools }), ...(variables && { variables }) });
  const all = "ids" in prompt ? checkIds(prompt.ids, tokenizer) : encodeText(prompt, tokenizer);
  if (all.length > 0) return all;
  throw new EngineError("invalid_request", "The prompt is empty.", {
    param: "prompt",
    hint: "Give at least one token of text.",
  });
}

function encodeText(
  { text, specialTokens = false }: { text: string; specialTokens?: boolean },
  tokenizer: BaseModel["tokenizer"],
): number[] {
  const ids = tokenizer.encode(text, { specialTokens });
  const { bosForText: bos } = tokenizer;
  // A text that names it has it already.
  return bos === null || ids[0] === bos ? ids : [bos, ...ids];
}

/** Whoever gives tokens has said how the text begins. */
function checkIds(ids: number[], { vocabSize }: BaseModel["tokenizer"]): number[] {
  const wrong = ids.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabSize);
  if (wrong === undefined) return ids;
  throw new EngineError("invalid_request", `The prompt has the token ${wrong}.`, {
    param: "prompt",
    hint: `This model's tokens are the integers from 0 to ${vocabSize - 1}.`,
  });
}

/** The tokens that end an answer. */
export function endIds(
  { tokenizer, chatTemplate }: Pick<BaseModel, "tokenizer" | "chatTemplate">,
  { prompt }: GenerateRequest,
): ReadonlySet<number> {
  return new Set("messages" in prompt ? chatTemplate.stopIds : tokenizer.eosIds);
}

/** Control tokens that are text in the answer, and that text. */
export function controlNames(
  { tokenizer }: Pick<BaseModel, "tokenizer">,
  { controlText = [] }: GenerateRequest,
): ReadonlyMap<number, string> {
  const named = [...tokenizer.specialTokens].map(([name, id]) => [id, name] as const);
  return new Map(named.filter(([id]) => controlText.includes(id)));
}

const limits = {
  n: [1, 128],
  logprobs: [0, 100],
  maxTokens: [1, Number.MAX_SAFE_INTEGER],
  minTokens: [0, Number.MAX_SAFE_INTEGER],
} as const;

/** Throws `invalid_request`, naming the field. What samplers and stop strings must be, they check themselves. */
export function checkRequest(request: GenerateRequest): void {
  for (const [name, [least, most]] of Object.entries(limits) as [keyof typeof limits, readonly [number, number]][]) {
    const value = request[name];
    if (value === undefined || value === null) continue;
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    throw new EngineError("invalid_request", `${name} is ${value}, not an integer from ${least} to ${most}.`, {
      param: name,
    });
  }
}
