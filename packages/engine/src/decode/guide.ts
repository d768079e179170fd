/** Which tokens may come next: all of them, those that a constraint leaves, and the ends not before their time. */
import type { Matcher } from "./constrain.ts";

export type Mask = Uint32Array | Int32Array;

export interface Guide {
  /** Bit `id & 31` of word `id >> 5` is 1 where a token may follow the first `count`; undefined: all may. */
  mask(count: number): Mask | undefined;
  /** Told of each token that is chosen, in order. */
  accept(id: number): void;
  release(): void;
}

export interface GuideOptions {
  /** The tokens that end an answer, and how many must come before one of them where any other may. */
  ends: ReadonlySet<number>;
  minTokens: number;
  vocabSize: number;
  matcher: Matcher | null;
}

export function createGuide({ ends, minTokens, vocabSize, matcher }: GuideOptions): Guide {
  const notEnds = new Uint32Array(Math.ceil(vocabSize / 32)).fill(0xffff_ffff);
  for (const id of ends) notEnds[id >> 5]! &= ~(1 << (id & 31));

  return {
    mask(count) {
      const allowed = matcher?.mask();
      if (count >= minTokens) return allowed;
      const longer = allowed ? notEnds.map((word, i) => word & allowed[i]!) : notEnds;
      return longer.some((word) => word !== 0) ? longer : allowed;
    },
    accept: (id) => matcher?.accept(id),
    release: () => matcher?.release(),
  };
}
