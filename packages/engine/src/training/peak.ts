/** What this machine's matrix units do at best: the measure that a run's speed is a share of. */
import { input, matmul } from "../graph/tensor.ts";
import { createSession } from "../onnx/session.ts";

/** Of the size that training a small model asks for: `[m, k]·[k, n]`, 1.07 GFLOP, 8 MiB. */
const [m, k, n] = [512, 1024, 1024];
const times = 6;

const measured = new Map<number | undefined, Promise<number>>();

/**
 * GFLOP/s of ONNX Runtime's own float32 matrix product: the best of a few, 20 ms on two fast cores and 0.2 s on slow ones. Measured
 * once in a process for each number of threads.
 */
export function machinePeak(threads?: number): Promise<number> {
  const peak = measured.get(threads) ?? measure(threads);
  measured.set(threads, peak);
  return peak;
}

async function measure(threads: number | undefined): Promise<number> {
  const product = matmul(input("a", [m, k]), input("b", [k, n]));
  const session = await createSession({ product }, threads === undefined ? {} : { threads });
  try {
    const feeds = { a: new Float32Array(m * k).fill(0.5), b: new Float32Array(k * n).fill(0.5) };
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < times; i++) {
      const start = performance.now();
      await session.run(feeds);
      best = Math.min(best, performance.now() - start);
    }
    return (2 * m * k * n) / best / 1e6;
  } finally {
    await session.release();
  }
}
