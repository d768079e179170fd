/** One answer: from the logits after a prompt to events. */
import type { BaseModel } from "../base-model.ts";
import { createRandom } from "../random.ts";
import type { FinishReason, GenerateEvent, GenerateRequest } from "../spec.ts";
import { createTextDecoder } from "../text/tokenizer.ts";
import { EngineError } from "../util.ts";
import type { CompiledConstraint, Violation } from "./constrain.ts";
import type { Sequence } from "./decode-session.ts";
import { createGuide, type Guide } from "./guide.ts";
import { createLogprobReport, type LogprobReport } from "./logprobs.ts";
import { controlNames, endIds } from "./prompt.ts";
import { createSampler, type Sampler } from "./sampler.ts";
import { createStopMatcher } from "./stop.ts";
import type { TokenBytes } from "./token-bytes.ts";

type Delta = Extract<GenerateEvent, { type: "delta" }>;

export interface AnswerEnd {
  finishReason: FinishReason;
  completionTokens: number;
}

/** What an answer is made with: everything that a bad request is refused by has been made. */
export interface AnswerParts {
  index: number;
  maxTokens: number;
  sampler: Sampler;
  stops: ReturnType<typeof createStopMatcher>;
  report: LogprobReport | null;
  constraint: CompiledConstraint | null;
}

/** What the answers to one request share. */
interface SharedParts extends Pick<AnswerParts, "maxTokens" | "constraint"> {
  seed: number;
  tokens: TokenBytes | null;
}

/** Of answer number `index` of a request with this seed. Throws `invalid_request`. */
export function answerParts(
  { tokenizer }: BaseModel,
  request: GenerateRequest,
  options: SharedParts & { index: number },
): AnswerParts {
  const { index, seed, maxTokens, tokens, constraint } = options;
  const { vocabSize } = tokenizer;
  const own = index === 0 ? seed : Math.floor(createRandom(seed, [index]).next() * 2 ** 53);
  return {
    index,
    maxTokens,
    sampler: createSampler({ ...request, seed: own, vocabSize }),
    stops: createStopMatcher(request.stop, constraint?.accepts),
    report: tokens && createLogprobReport(tokens, request.logprobs ?? 0, vocabSize),
    constraint,
  };
}

/**
 * Answers with `sequence`, which has seen the prompt and gave `logits` after it. Throws `constraint_violated` when an answer that
 * ended is not what it was held to.
 */
export async function* answer(
  model: BaseModel,
  request: GenerateRequest,
  { index, maxTokens, sampler, stops, report, constraint }: AnswerParts,
  state: { sequence: Sequence; logits: Float32Array },
): AsyncGenerator<Delta, AnswerEnd> {
  const text = createTextDecoder(model.tokenizer, controlNames(model, request));
  const ends = endIds(model, request);
  const { minTokens = 0 } = request;
  const { vocabSize } = model.tokenizer;
  const guide = createGuide({ ends, minTokens, vocabSize, matcher: constraint?.start() ?? null });
  const history: number[] = [];
  let finishReason: FinishReason = "length";
  let written = "";
  let textBytes = 0;
  let unsent = 0;

  const delta = (emit: string, logprobs = report?.take()): Delta => {
    const tokens = unsent;
    unsent = 0;
    written += emit;
    return { type: "delta", index, delta: emit, tokens, ...(logprobs && { logprobs }) };
  };
  const ended = (): AnswerEnd => {
    const violation = finishReason === "stop" ? constraint?.validate(written) : null;
    if (violation) throw violated(violation);
    return { finishReason, completionTokens: history.length };
  };

  for await (const { id, logprob, from } of chosen(state, sampler, guide, history)) {
    if (ends.has(id)) {
      finishReason = "stop";
      break;
    }
    unsent++;
    report?.add(id, logprob, from);
    const { emit, stopped } = stops.push(text.push(id));
    textBytes += Buffer.byteLength(emit);
    if (stopped) {
      const logprobs = report?.takeWithin(textBytes);
      if (emit !== "" || logprobs?.length) yield delta(emit, logprobs);
      finishReason = "stop";
      return ended();
    }
    if (emit !== "") yield delta(emit);
    if (history.length >= maxTokens) break;
  }
  const rest = stops.push(text.flush()).emit + stops.flush();
  if (stops.stopped) finishReason = "stop";
  const logprobs = report?.takeWithin(textBytes + Buffer.byteLength(rest));
  if (rest !== "" || logprobs?.length) yield delta(rest, logprobs);
  return ended();
}

function violated({ path, message }: Violation): EngineError {
  const at = path === "" ? "" : ` at ${path}`;
  return new EngineError(
    "constraint_violated",
    `The finished answer does not satisfy its constraint${at}: ${message}.`,
    {
      hint: "This is a fault of midrun's: please report the constraint. Another attempt may succeed.",
    },
  );
}

/** Endless: a token from what the model says, which it is then told. `history` holds the tokens given so far. */
async function* chosen(
  { sequence, logits }: { sequence: Sequence; logits: Float32Array },
  sampler: Sampler,
  guide: Guide,
  history: number[],
): AsyncGenerator<{ id: number; logprob: number; from: Float32Array }> {
  try {
    for (let from = logits; ; from = await sequence.next([history.at(-1)!])) {
      const { id, logprob } = sampler.next(from, history, guide.mask(history.length));
      guide.accept(id);
      history.push(id);
      yield { id, logprob, from };
    }
  } finally {
    guide.release();
  }
}
