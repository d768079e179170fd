/** The yardstick: ONNX Runtime's own products of two matrices, both fed. */
import { input, matmul } from "../graph/tensor.ts";
import { createSession } from "../onnx/session.ts";
import { range } from "../util.ts";

const [m, k, n] = [512, 1024, 4096];
/** Pairs of products of one sample: about as much work as a training step has. */
const pairs = 10;

/**
 * `[m, k] × [k, n]`, then `× [n, k]` and so on, in one graph: a product alone would spend a third of its time on fresh memory for its
 * result, which training does not. `flops` is what one run computes.
 */
export async function createMatmulBench() {
  const [up, down] = [input("up", [k, n]), input("down", [n, k])];
  const y = range(pairs).reduce((x) => matmul(matmul(x, up), down), input("x", [m, k]));
  const session = await createSession({ y });
  const filled = (length: number, value: number) => new Float32Array(length).fill(value);
  const feeds = { x: filled(m * k, 0.5), up: filled(k * n, 1 / k), down: filled(n * k, 1 / n) };
  const run = () => session.run(feeds);
  return { run, flops: pairs * 2 * (2 * m * k * n), release: () => session.release() };
}
