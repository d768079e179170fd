/** A process that trains once and tells what it took: `node memory-run.ts <MemoryRun as JSON>`; the answer is a line of JSON. */
import { loadBaseModel } from "../packages/engine/src/base-model.ts";
import { createMatmulBench } from "../packages/engine/src/bench/matmul.ts";
import { median, ratios, takeTurns } from "../packages/engine/src/bench/measure.ts";
import { createTrainBench } from "../packages/engine/src/bench/train.ts";
import { createDecodeSession } from "../packages/engine/src/decode/decode-session.ts";
import { range } from "../packages/engine/src/util.ts";

export interface MemoryRun {
  modelDir: string;
  weightBits?: 4 | 8;
  recompute?: boolean;
  batch: number;
  length: number;
  supervisedShare: number;
  /** Training steps. */
  steps: number;
  /** Also measure the rate beside the MatMul's, so many rounds. */
  rounds?: number;
  /** Then answer so many tokens. */
  answerTokens?: number;
}

export interface MemoryFigures {
  /** Most memory that the process ever had, loading included. */
  peakRssBytes: number;
  secondsPerStep: number;
  /** Share of the MatMul's rate; null unless asked. */
  ratio: number | null;
  tokensPerSecond: number;
}

const run: MemoryRun = JSON.parse(process.argv[2]!);
const { modelDir, weightBits, recompute, batch, length, supervisedShare, steps, rounds, answerTokens = 0 } = run;

const model = await loadBaseModel(modelDir, weightBits === undefined ? {} : { weightBits });
const train = await createTrainBench({
  ...{ spec: model.spec, model, batch, length, supervisedShare, r: 16 },
  ...(recompute === undefined ? {} : { recompute }),
});
const times: number[] = [];
for (let i = 0; i < steps; i++) {
  const start = performance.now();
  await train.run();
  times.push((performance.now() - start) / 1000);
}
const ratio = rounds === undefined ? null : await ratioTo(rounds);
await train.release();
if (answerTokens > 0) await answer();

const seconds = median(times);
const figures: MemoryFigures = {
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
  secondsPerStep: seconds,
  ratio,
  tokensPerSecond: train.tokens / seconds,
};
console.log(JSON.stringify(figures));

async function ratioTo(rounds: number): Promise<number> {
  const matmul = await createMatmulBench();
  const { matmul: yard, train: own } = await takeTurns({ matmul: matmul.run, train: train.run }, rounds);
  await matmul.release();
  const rate = (samples: number[], flops: number) => samples.map((s) => flops / s);
  return median(ratios(rate(own, train.flops), rate(yard, matmul.flops)));
}

async function answer(): Promise<void> {
  const session = createDecodeSession(model);
  const sequence = session.start();
  await sequence.next(range(32));
  for (let i = 1; i < answerTokens; i++) await sequence.next([i]);
  sequence.release();
  await session.release();
}
