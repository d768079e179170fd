import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { saveAdapter } from "../io/peft.ts";
import { normals } from "../random.ts";
import type { GenerateEvent, GenerateRequest, TokenLogprobs } from "../spec.ts";
import { temporaryDir, tinyModel } from "../testing/tiny-run.ts";
import { initialTrainables } from "../training/trainables.ts";
import { range } from "../util.ts";
import { createGenerator, type Generator } from "./generate.ts";

let generator: Generator;
beforeAll(async () => {
  generator = createGenerator(await tinyModel(), { threads: 1 });
});
afterAll(() => generator.release());

const plain: GenerateRequest = {
  prompt: { messages: [{ role: "user", content: "Say red." }] },
  maxTokens: 16,
  temperature: 0,
  topP: 1,
  stop: [],
};

async function collected(events: AsyncIterable<GenerateEvent>): Promise<GenerateEvent[]> {
  const all: GenerateEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

async function eventsOf(request: Partial<GenerateRequest>, own = generator): Promise<GenerateEvent[]> {
  return collected(own.generate({ ...plain, ...request }));
}

const textOf = (events: GenerateEvent[], index = 0) =>
  events.map((event) => (event.type === "delta" && event.index === index ? event.delta : "")).join("");
const ask = async (request: Partial<GenerateRequest>) => textOf(await eventsOf(request));
const entriesOf = (events: GenerateEvent[]): TokenLogprobs[] =>
  events.flatMap((event) => (event.type === "delta" ? (event.logprobs ?? []) : []));

/** An adapter that changes every answer, in files of its own. */
async function writeAdapter(dir: string, seed: number): Promise<string> {
  const { adapter } = initialTrainables(await tinyModel(), {
    lora: { r: 4, alpha: 8 },
    modelName: "tiny",
    seed,
  }).toWeights() as {
    adapter: Parameters<typeof saveAdapter>[1];
  };
  for (const [i, { b }] of [...adapter.modules.values()].entries()) normals(b, { seed, stream: i }, 0.3);
  await saveAdapter(dir, adapter, { overwrite: true });
  return dir;
}

describe("several adapters at the same time", () => {
  test("reliability F13: each request is answered by its own adapter, as if it were alone", async () => {
    const root = await temporaryDir();
    const dirs = [undefined, ...(await Promise.all(range(4).map((n) => writeAdapter(`${root}/${n}`, n))))];
    const requests = range(15).map((n) => ({
      ...(dirs[n % 5] && { adapterDir: dirs[n % 5] }),
      prompt: { messages: [{ role: "user" as const, content: `Say red ${"again ".repeat(n % 4)}.` }] },
    }));
    const alone: string[] = [];
    for (const request of requests) alone.push(await ask(request));
    expect(new Set(alone.slice(0, 5)).size).toBe(5);
    expect(await Promise.all(requests.map(ask))).toEqual(alone);
  });

  test("reliability F13: a directory that is written anew answers with what it holds now", async () => {
    const dir = `${await temporaryDir()}/adapter`;
    const content = "Say red. ".repeat(40);
    const request = { adapterDir: dir, prompt: { messages: [{ role: "user" as const, content }] } };
    await writeAdapter(dir, 1);
    const first = await ask(request);
    await writeAdapter(dir, 2);
    const second = await ask(request);
    expect(second).not.toBe(first);
    const fresh = createGenerator(await tinyModel(), { threads: 1 });
    expect(textOf(await eventsOf(request, fresh))).toBe(second);
    await fresh.release();
  });
});

describe("equal requests with equal seeds", () => {
  test("give equal answers, also when the prompt's beginning is known already", async () => {
    const content = "Say something else, please. ".repeat(20);
    const request = { prompt: { messages: [{ role: "user" as const, content }] }, temperature: 1.2, seed: 7 };
    const fresh = createGenerator(await tinyModel(), { threads: 1 });
    const first = await eventsOf({ ...request, logprobs: 2 }, fresh);
    expect(await eventsOf({ ...request, logprobs: 2 }, fresh)).toEqual(first);
    expect(textOf(await eventsOf({ ...request, seed: 8 }, fresh))).not.toBe(textOf(first));
    await fresh.release();
  });
});

describe("n answers", () => {
  const sampled = { temperature: 1.5, seed: 3, n: 4 };

  test("differ, carry their number, and the first is the one that n = 1 gives", async () => {
    const events = await eventsOf(sampled);
    const texts = range(4).map((index) => textOf(events, index));
    expect(new Set(texts).size).toBe(4);
    expect(texts[0]).toBe(await ask({ ...sampled, n: 1 }));
  });

  test("are summed up in one last event", async () => {
    const done = (await eventsOf(sampled)).at(-1)!;
    const single = (await eventsOf({ ...sampled, n: 1 })).at(-1)!;
    if (done.type !== "done" || single.type !== "done") throw new Error("the last event is not done");
    expect(done.finishReasons).toHaveLength(4);
    expect(done.promptTokens).toBe(single.promptTokens);
    expect(done.completionTokens).toBeGreaterThan(single.completionTokens);
    expect((await eventsOf(sampled)).filter(({ type }) => type === "done")).toHaveLength(1);
  });

  test("beyond the rows of a pass come all the same", async () => {
    const events = await eventsOf({ temperature: 0, n: 11, maxTokens: 5 });
    expect(new Set(range(11).map((index) => textOf(events, index))).size).toBe(1);
  });
});

describe("logprobs", () => {
  test("are the model's own, best first, and their bytes are the text", async () => {
    const events = await eventsOf({ logprobs: 3 });
    const entries = entriesOf(events);
    expect(entries.length).toBeGreaterThan(3);
    expect(Buffer.from(entries.flatMap(({ bytes }) => bytes)).toString()).toBe(textOf(events));
    for (const { id, logprob, top } of entries) {
      expect(top[0]).toMatchObject({ id, logprob });
      expect(top.map((other) => other.logprob)).toEqual(top.map((other) => other.logprob).toSorted((a, b) => b - a));
      expect(top).toHaveLength(3);
    }
  });

  test("with no alternatives still tell of the tokens; without being asked for there are none", async () => {
    expect(entriesOf(await eventsOf({ logprobs: 0 }))[0]).toMatchObject({ top: [], logprob: expect.any(Number) });
    for (const event of await eventsOf({})) expect(event).not.toHaveProperty("logprobs");
  });

  test("of characters that are spread over tokens are those of their bytes", async () => {
    const { tokenizer } = await tinyModel();
    const ids = tokenizer.encode("é漢🙂");
    const answer: number[] = [];
    for (const id of ids) {
      const prompt = { text: `x${tokenizer.decode(answer)}` };
      const [entry] = entriesOf(await eventsOf({ prompt, maxTokens: 1, logitBias: { [id]: 1000 }, logprobs: 0 }));
      answer.push(...entry!.bytes);
    }
    expect(Buffer.from(answer).toString()).toBe("é漢🙂");
  });

  test("end where a stop string cut the text", async () => {
    const whole = await ask({});
    const stop = whole.slice(4, 7);
    const events = await eventsOf({ stop: [stop], logprobs: 0 });
    const text = textOf(events);
    expect(text).toBe(whole.slice(0, whole.indexOf(stop)));
    const entries = entriesOf(events);
    const upTo = (count: number) => Buffer.from(entries.slice(0, count).flatMap(({ bytes }) => bytes)).length;
    expect(upTo(entries.length)).toBeGreaterThanOrEqual(Buffer.byteLength(text));
    expect(upTo(entries.length - 1)).toBeLessThan(Buffer.byteLength(text));
  });
});

describe("what may be chosen", () => {
  const idOf = async (text: string) => (await tinyModel()).tokenizer.encode(text)[0]!;

  test("is moved by a logit bias", async () => {
    expect(await ask({ logitBias: { [await idOf("a")]: 1000 }, maxTokens: 3 })).toBe("aaa");
  });

  test("presence, frequency and repetition penalties count the answer's tokens, not the prompt's", async () => {
    const a = await idOf("a");
    const prompt = { text: "aaaaaaaa" };
    const entries = async (request: Partial<GenerateRequest>) =>
      entriesOf(await eventsOf({ prompt, logprobs: 0, maxTokens: 4, logitBias: { [a]: 50 }, ...request })).map(
        ({ id }) => id,
      );
    expect(await entries({})).toEqual([a, a, a, a]);
    for (const request of [{ presencePenalty: 100 }, { frequencyPenalty: 100 }]) {
      const ids = await entries(request);
      expect(ids[0]).toBe(a);
      expect(ids.slice(1)).not.toContain(a);
    }
  });

  test("is one token with topK = 1, however warm", async () => {
    expect(await ask({ temperature: 5, topK: 1 })).toBe(await ask({}));
    expect(await ask({ temperature: 5, minP: 1 })).toBe(await ask({}));
  });

  test("an answer does not end before minTokens", async () => {
    const [end] = (await tinyModel()).chatTemplate.stopIds;
    const doneOf = async (request: Partial<GenerateRequest>) => (await eventsOf(request)).at(-1);
    expect(await doneOf({ logitBias: { [end!]: 1000 } })).toMatchObject({ completionTokens: 1, finishReason: "stop" });
    expect(await doneOf({ logitBias: { [end!]: 1000 }, minTokens: 5 })).toMatchObject({ completionTokens: 6 });
  });

  test("the chat template is told what else it should know, and nothing else than it is told anyway", async () => {
    const { chatTemplate } = await tinyModel();
    const messages = [{ role: "user" as const, content: "Say red." }];
    const prompt = (variables: Record<string, unknown>) =>
      chatTemplate.renderText(messages, { addGenerationPrompt: true, variables });
    expect(prompt({ enable_thinking: false })).toBe(`${prompt({})}<think>\n\n</think>\n\n`);
    expect(prompt({ messages: [], add_generation_prompt: false, tools: "x" })).toBe(prompt({}));
    const promptTokens = async (request: Partial<GenerateRequest>) => {
      const last = (await eventsOf({ ...request, maxTokens: 1 })).at(-1)!;
      return last.type === "done" ? last.promptTokens : 0;
    };
    const told = await promptTokens({ templateVariables: { enable_thinking: false } });
    expect(told).toBeGreaterThan(await promptTokens({}));
  });

  test("tools are told to the model", async () => {
    const tools = [{ type: "function" as const, function: { name: "look_up", parameters: { type: "object" } } }];
    const promptTokens = async (request: Partial<GenerateRequest>) => {
      const last = (await eventsOf({ ...request, maxTokens: 1 })).at(-1)!;
      return last.type === "done" ? last.promptTokens : 0;
    };
    expect(await promptTokens({ tools })).toBeGreaterThan((await promptTokens({})) + 10);
  });
});

describe("an abort", () => {
  test("ends the request with its reason and leaves the others alone", async () => {
    const controller = new AbortController();
    const other = ask({ maxTokens: 40, minTokens: 40 });
    const aborted = (async () => {
      for await (const event of generator.generate({ ...plain, maxTokens: 1000, minTokens: 1000 }, controller.signal))
        if (event.type === "delta") controller.abort(new Error("enough"));
    })();
    await expect(aborted).rejects.toThrow("enough");
    expect(await other).toBe(await ask({ maxTokens: 40, minTokens: 40 }));
  });

  test("before the start computes nothing", async () => {
    const events = collected(generator.generate(plain, AbortSignal.abort(new Error("too late"))));
    await expect(events).rejects.toThrow("too late");
  });

  test("leaving the loop ends all n answers", async () => {
    for await (const event of generator.generate({ ...plain, n: 3, maxTokens: 1000, minTokens: 1000 })) {
      expect(event.type).toBe("delta");
      break;
    }
    expect(await ask({})).not.toBe("");
  });
});

describe("a bad request is refused by the name of its field", () => {
  const cases: [Partial<GenerateRequest>, string][] = [
    [{ n: 0 }, "n"],
    [{ n: 129 }, "n"],
    [{ n: 1.5 }, "n"],
    [{ maxTokens: 0 }, "maxTokens"],
    [{ minTokens: -1 }, "minTokens"],
    [{ logprobs: 101 }, "logprobs"],
    [{ temperature: -1 }, "temperature"],
    [{ topK: 0 }, "topK"],
    [{ logitBias: { x: 1 } }, "logitBias"],
    [{ stop: [""] }, "stop[0]"],
    [{ prompt: { text: "" } }, "prompt"],
  ];
  test.each(cases)("%j", async (request, param) => {
    await expect(eventsOf(request)).rejects.toMatchObject({ code: "invalid_request", param });
  });

  test("a prompt that leaves no room for an answer", async () => {
    const { spec } = await tinyModel();
    await expect(eventsOf({ prompt: { text: "a b ".repeat(spec.maxPositions) } })).rejects.toMatchObject({
      code: "context_length_exceeded",
      message: expect.stringContaining(String(spec.maxPositions)),
    });
  });
});
