/** One streamed chat, and when what of it came. */

export interface Timing {
  /** From the request to the first text. */
  firstMs: number;
  /** From the first text to the end. */
  restMs: number;
  /** Of the answer. */
  tokens: number;
}

export interface ChatLoad {
  baseURL: string;
  model: string;
  /** Tokens of the answer: no fewer, no more. */
  tokens: number;
  /** What else the request says. */
  extra?: object;
}

let asked = 0;

/** No two prompts begin alike, so that nothing of an earlier one is known; about a hundred tokens. */
const prompt = () => `${++asked} ${"is the number of this question. ".repeat(3)}`;

export async function timeChat({ baseURL, model, tokens, extra = {} }: ChatLoad): Promise<Timing> {
  const body = {
    ...{ model, messages: [{ role: "user", content: prompt() }], seed: asked, temperature: 1 },
    ...{ max_tokens: tokens, min_tokens: tokens, stream: true, stream_options: { include_usage: true } },
    ...extra,
  };
  const start = performance.now();
  const response = await fetch(`${baseURL}/chat/completions`, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(await response.text());
  let first = 0;
  let answered = 0;
  for await (const data of framesOf(response)) {
    if (data === "[DONE]") break;
    const { error, choices, usage } = JSON.parse(data);
    if (error) throw new Error(error.message);
    if (first === 0 && choices[0]?.delta.content) first = performance.now();
    answered = usage?.completion_tokens ?? answered;
  }
  return { firstMs: first - start, restMs: performance.now() - first, tokens: answered };
}

async function* framesOf(response: Response): AsyncGenerator<string> {
  let held = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const frames = (held + text).split("\n\n");
    held = frames.pop()!;
    for (const frame of frames) yield frame.slice("data: ".length);
  }
}
