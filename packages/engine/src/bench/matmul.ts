/** The yardsticks: ONNX Runtime's own products of two matrices, both fed. */
import { input, matmul } from "../graph/tensor.ts";
import { createSession } from "../onnx/session.ts";
import { range } from "../util.ts";

const [m, k, n] = [512, 1024, 4096];
/** Pairs of products of one sample: about as much work as a training step has. */
const pairs = 10;
const productFlops = 2 * m * k * n;

export interface Yardstick {
  run(): Promise<unknown>;
  /** Floating-point operations of one run. */
  flops: number;
  release(): Promise<void>;
}

const filled = (length: number, value: number) => new Float32Array(length).fill(value);
const x = input("x", [m, k]);
const up = input("up", [k, n]);
const feeds = { x: filled(m * k, 0.5), up: filled(k * n, 1 / k), down: filled(n * k, 1 / n) };

/**
 * `[m, k] × [k, n]`, then `× [n, k]` and so on, in one graph: a product alone would spend a fifth of its time on fresh memory for its
 * result, which training does not.
 */
export async function createMatmulBench(): Promise<Yardstick> {
  const down = input("down", [n, k]);
  const session = await createSession({ y: range(pairs).reduce((y) => matmul(matmul(y, up), down), x) });
  return { run: () => session.run(feeds), flops: 2 * pairs * productFlops, release: () => session.release() };
}

/** As many products, each `[m, k] × [k, n]` in a run of its own. */
export async function createSingleMatmulBench(): Promise<Yardstick> {
  const session = await createSession({ y: matmul(x, up) });
  const run = async () => {
    for (let i = 0; i < 2 * pairs; i++) await session.run(feeds);
  };
  return { run, flops: 2 * pairs * productFlops, release: () => session.release() };
}
