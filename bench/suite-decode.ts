/** Decoding: alone, with packed weights, and several sequences together. */

import { median, ratios, takeTurns } from "../packages/engine/src/bench/measure.ts";
import { createDecodeBench } from "./decode.ts";
import { medium } from "./shapes.ts";

export interface DecodeReport {
  tokensPerSecond: number;
  /** Speed with 8-bit weights over speed with exact ones. */
  int8Ratio: number;
  /** Speed with 4-bit weights over speed with exact ones. */
  int4Ratio: number;
  /** Tokens a second of eight sequences together over those of one, exact weights. */
  batch8Ratio: number;
}

export async function benchDecoding(rounds: number): Promise<DecodeReport> {
  const benches = {
    f32: await createDecodeBench(medium),
    int8: await createDecodeBench(medium, { weights: "int8" }),
    int4: await createDecodeBench(medium, { weights: "int4" }),
    eight: await createDecodeBench(medium, { streams: 8 }),
  };
  const { f32, int8, int4, eight } = benches;
  const seconds = await takeTurns({ f32: f32.run, int8: int8.run, int4: int4.run, eight: eight.run }, rounds);
  for (const bench of Object.values(benches)) await bench.release();
  return {
    tokensPerSecond: f32.tokens / median(seconds.f32),
    int8Ratio: median(ratios(seconds.f32, seconds.int8)),
    int4Ratio: median(ratios(seconds.f32, seconds.int4)),
    batch8Ratio: (eight.tokens / f32.tokens) * median(ratios(seconds.f32, seconds.eight)),
  };
}
