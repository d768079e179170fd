/** Training beside the machine's own MatMul rate, round by round. */
import { createMatmulBench, createSingleMatmulBench, type Yardstick } from "../packages/engine/src/bench/matmul.ts";
import { median, ratios, type Samples, takeTurns } from "../packages/engine/src/bench/measure.ts";
import { createTrainBench } from "../packages/engine/src/bench/train.ts";
import { lastFour, trainCases } from "./train-cases.ts";

export interface TrainFigures {
  what: string;
  gflops: number;
  tokensPerSecond: number;
  /** GFLOP/s of one MatMul 512×1024×4096 at a time, with both factors fed. */
  matmulGflops: number;
  /** Share of that rate, the median of rounds. */
  ratio: number;
  /** The same of MatMuls in a chain, which find memory for their results as training does. */
  chainGflops: number;
  chainRatio: number;
}

export interface TrainReport {
  cases: Record<string, TrainFigures>;
  /** Tokens a second with adapters on the last half of the layers, over those with adapters on all; from the second epoch on. */
  lastHalfRatio: number;
  peakRssBytes: number;
}

type Yardsticks = Record<"matmul" | "chain", Yardstick>;

export async function benchTraining(rounds: number): Promise<TrainReport> {
  const yardsticks = { matmul: await createSingleMatmulBench(), chain: await createMatmulBench() };
  const cases: Record<string, TrainFigures> = {};
  for (const name of Object.keys(trainCases)) cases[name] = await benchCase(name, yardsticks, rounds);
  for (const yardstick of Object.values(yardsticks)) await yardstick.release();
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  return { cases, lastHalfRatio: await benchLastHalf(rounds), peakRssBytes };
}

/** A round is one run of each yardstick and about as much training, so that none finds caches and threads as another left them. */
async function benchCase(name: string, { matmul, chain }: Yardsticks, rounds: number): Promise<TrainFigures> {
  const { what, options } = trainCases[name]!;
  const train = await createTrainBench(options, chain.flops);
  const seconds = await takeTurns({ matmul: matmul.run, chain: chain.run, train: train.run }, rounds);
  await train.release();
  const ratesOf = ({ flops }: { flops: number }, samples: Samples) => samples.map((s) => flops / s / 1e9);
  const rates = ratesOf(train, seconds.train);
  const [matmulRates, chainRates] = [ratesOf(matmul, seconds.matmul), ratesOf(chain, seconds.chain)];
  return {
    what,
    gflops: median(rates),
    tokensPerSecond: train.tokens / median(seconds.train),
    matmulGflops: median(matmulRates),
    ratio: median(ratios(rates, matmulRates)),
    chainGflops: median(chainRates),
    chainRatio: median(ratios(rates, chainRates)),
  };
}

async function benchLastHalf(rounds: number): Promise<number> {
  const [all, half] = [await createTrainBench(trainCases.medium!.options), await createTrainBench(lastFour)];
  const seconds = await takeTurns({ all: all.run, half: half.run }, rounds);
  for (const bench of [all, half]) await bench.release();
  return (half.tokens / all.tokens) * median(ratios(seconds.all, seconds.half));
}
