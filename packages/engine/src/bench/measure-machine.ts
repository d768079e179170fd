/** How fast this machine is: its matrix product, and the training of a model beside it in the same minute. */
import type { DecoderSpec } from "../models/spec.ts";
import { syntheticSpec } from "../testing/synthetic.ts";
import { createMatmulBench } from "./matmul.ts";
import { median, ratios, takeTurns } from "./measure.ts";
import { createTrainBench } from "./train.ts";

export interface MeasureOptions {
  /** Default 5: some ten seconds on two quiet cores. */
  rounds?: number;
  /** What is trained, with random weights. Default: 30.6 million parameters. */
  spec?: DecoderSpec;
}

export interface MachineSpeed {
  /** ONNX Runtime's product of matrices, 512×1024×4096, in 10⁹ floating-point operations a second. */
  matmulGflops: number;
  /** LoRA training, rank 16, 4×256 tokens a step, half of them supervised. */
  trainGflops: number;
  /** The second over the first: the median over the rounds, since a busy machine changes between them. */
  share: number;
  tokensPerSecond: number;
}

/** Medians over the rounds. Needs about 1 GB of memory with the default model. */
export async function measureMachine({
  rounds = 5,
  spec = syntheticSpec({}),
}: MeasureOptions = {}): Promise<MachineSpeed> {
  const matmul = await createMatmulBench();
  const train = await createTrainBench({ spec, batch: 4, length: 256, supervisedShare: 0.5, r: 16 });
  try {
    const seconds = await takeTurns({ matmul: matmul.run, train: train.run }, rounds);
    const matmulRate = seconds.matmul.map((each) => matmul.flops / each / 1e9);
    const trainRate = seconds.train.map((each) => train.flops / each / 1e9);
    return {
      matmulGflops: median(matmulRate),
      trainGflops: median(trainRate),
      share: median(ratios(trainRate, matmulRate)),
      tokensPerSecond: train.tokens / median(seconds.train),
    };
  } finally {
    await train.release();
    await matmul.release();
  }
}
