import { describe, expect, onTestFinished, test } from "vitest";
import type { LoraWeights } from "../models/adapter.ts";
import { range } from "../util.ts";
import { createDecodeSession, type DecodeOptions, type DecodeSession } from "./decode-session.ts";
import { loudAdapter, loudModel } from "./testing-models.ts";

function session(options: DecodeOptions = {}): DecodeSession {
  const decoding = createDecodeSession(loudModel(), { threads: 1, ...options });
  onTestFinished(() => decoding.release());
  return decoding;
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  range(a.length).reduce((max, i) => Math.max(max, Math.abs(a[i]! - b[i]!)), 0);

const promptOf = (n: number, length: number) => range(length).map((i) => (i * 7 + n * 11 + 3) % 50);

interface Stream {
  adapter: LoraWeights | undefined;
  prompt: number[];
  count: number;
}

const adapters = [
  undefined,
  loudAdapter(1),
  loudAdapter(2, { r: 8 }),
  loudAdapter(3, { targetModules: ["q_proj", "down_proj"] }),
];

/** The logits after the prompt and after each of `count` greedy tokens. */
async function greedy(decoding: DecodeSession, { adapter, prompt, count }: Stream): Promise<Float32Array[]> {
  const sequence = decoding.start(adapter);
  const all = [await sequence.next(prompt)];
  for (const _ of range(count)) {
    const last = all.at(-1)!;
    all.push(await sequence.next([last.indexOf(last.reduce((a, b) => Math.max(a, b)))]));
  }
  sequence.release();
  return all;
}

describe("sequences that are decoded together", () => {
  test("get the logits that each gets alone, whatever adapters the others have", async () => {
    const streams = range(11).map((n) => ({
      adapter: adapters[n % adapters.length],
      prompt: promptOf(n, [3, 70, 1, 130][n % 4]! + n),
      count: 6 + 3 * n,
    }));
    const together = session();
    const found = await Promise.all(streams.map((stream) => greedy(together, stream)));
    for (const [n, stream] of streams.entries()) {
      const alone = await greedy(session(), stream);
      expect(found[n]!.map((logits, i) => distance(logits, alone[i]!)).filter((d) => !(d < 1e-4))).toEqual([]);
    }
  });
});

test("whether threads wait busily changes no number, whenever it changes", async () => {
  const stream: Stream = { adapter: adapters[1], prompt: promptOf(1, 9), count: 6 };
  let asked = 0;
  const found = await greedy(session({ threads: 2, spin: () => asked++ % 3 === 0 }), stream);
  expect(asked).toBe(7);
  expect(found).toEqual(await greedy(session({ threads: 2 }), stream));
});
