/** Training beside the machine's own MatMul rate, round by round. */
import { createMatmulBench } from "../packages/engine/src/bench/matmul.ts";
import { median, ratios, takeTurns } from "../packages/engine/src/bench/measure.ts";
import { createTrainBench } from "../packages/engine/src/bench/train.ts";
import { lastFour, trainCases } from "./train-cases.ts";

export interface TrainFigures {
  what: string;
  gflops: number;
  matmulGflops: number;
  /** Share of the MatMul's rate, the median of rounds. */
  ratio: number;
  tokensPerSecond: number;
}

export interface TrainReport {
  cases: Record<string, TrainFigures>;
  /** Tokens a second with adapters on the last half of the layers, over those with adapters on all; from the second epoch on. */
  lastHalfRatio: number;
  peakRssBytes: number;
}

/** A round is about one run of the yardstick and as much training, so that neither finds caches and threads as the other left them. */
export async function benchTraining(rounds: number): Promise<TrainReport> {
  const matmul = await createMatmulBench();
  const cases: Record<string, TrainFigures> = {};
  for (const [name, { what, options }] of Object.entries(trainCases)) {
    const train = await createTrainBench(options, matmul.flops);
    const seconds = await takeTurns({ matmul: matmul.run, train: train.run }, rounds);
    await train.release();
    const [matmulRates, rates] = [
      seconds.matmul.map((s) => matmul.flops / s / 1e9),
      seconds.train.map((s) => train.flops / s / 1e9),
    ];
    cases[name] = {
      what,
      gflops: median(rates),
      matmulGflops: median(matmulRates),
      ratio: median(ratios(rates, matmulRates)),
      tokensPerSecond: train.tokens / median(seconds.train),
    };
  }
  await matmul.release();
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  return { cases, lastHalfRatio: await benchLastHalf(rounds), peakRssBytes };
}

async function benchLastHalf(rounds: number): Promise<number> {
  const [all, half] = [await createTrainBench(trainCases.medium!.options), await createTrainBench(lastFour)];
  const seconds = await takeTurns({ all: all.run, half: half.run }, rounds);
  for (const bench of [all, half]) await bench.release();
  return (half.tokens / all.tokens) * median(ratios(seconds.all, seconds.half));
}
