import { describe, expect, test } from "vitest";
import { gradients } from "../graph/grad.ts";
import { interpret } from "../graph/interpret.ts";
import { liveMemory } from "../graph/live-memory.ts";
import { rewrite } from "../graph/rewrite.ts";
import { input, matmul, mul, type Tensor } from "../graph/tensor.ts";
import { crossEntropy, softCap, total } from "../nn.ts";
import { createSession } from "../onnx/session.ts";
import { createRandom, normals } from "../random.ts";
import { relativeDifference } from "../testing/golden-result.ts";
import { sizeOf } from "../util.ts";
import { chunkedCrossEntropy } from "./chunked-loss.ts";

const random = (shape: number[], stream: number, std = 1) => {
  const data = new Float32Array(sizeOf(shape));
  normals(data, { seed: 5, stream }, std);
  return data;
};

const [rows, width, vocabSize] = [21, 12, 40];
const hidden = input("hidden", [rows, width]);
const head = input("head", [vocabSize, width]);
const targets = input("targets", [rows], "i32");
const feeds = {
  hidden: random([rows, width], 0),
  head: random([vocabSize, width], 1),
  targets: Int32Array.from({ length: rows }, (_, i) => (i * 7) % vocabSize),
  weights: random([rows, 1], 2),
};
const heads: Record<string, (rows: Tensor) => Tensor> = {
  plain: (from) => matmul(from, head, { transB: true }),
  capped: (from) => softCap(matmul(from, head, { transB: true, alpha: 0.5 }), 3),
};

/** Loss of each row, its margin, and gradients of a weighted sum. */
function outputs(loss: { nll: Tensor; margin: Tensor }, wrt: readonly Tensor[]) {
  const grads = gradients(total(mul(loss.nll, input("weights", [rows, 1]))), wrt);
  return [loss.nll, loss.margin, ...grads];
}

const chunked = (rowsOfChunk: number, logitsOf: (rows: Tensor) => Tensor, trained: Tensor[]) =>
  chunkedCrossEntropy(hidden, targets, {
    logitsOf,
    vocabSize,
    logitsBytes: 4 * vocabSize * rowsOfChunk,
    trained,
    gradients: true,
  });

describe.each(Object.keys(heads))("with a %s head", (name) => {
  const logitsOf = heads[name]!;

  test.each([
    ["frozen", []],
    ["trained", [head]],
  ])("that is %s, chunks give what all rows together give", async (_, trained) => {
    const wrt = [hidden, ...trained];
    const whole = interpret(outputs(crossEntropy(logitsOf(hidden), targets), wrt), feeds);
    for (const rowsOfChunk of [1, 5, 8, 20, 21]) {
      const graph = outputs(chunked(rowsOfChunk, logitsOf, trained), wrt);
      for (const [i, { data }] of interpret(graph, feeds).entries())
        expect(relativeDifference(data, whole[i]!.data)).toBeLessThan(1e-12);
      const session = await createSession(Object.fromEntries(graph.map((x, i) => [`y${i}`, x])), { threads: 1 });
      const fast = await session.run(feeds);
      await session.release();
      for (const [i, { data }] of whole.entries()) expect(relativeDifference(fast[`y${i}`]!, data)).toBeLessThan(1e-5);
    }
  });
});

test("logits of all rows are never in memory together, with gradients and without", () => {
  const [many, wide, words] = [512, 4, 1000];
  const all = 4 * many * words;
  const from = input("h", [many, wide]);
  const peak = (logitsBytes: number, trained: Tensor[], withGradients: boolean) => {
    const matrix = trained[0] ?? input("e", [words, wide]);
    const loss = chunkedCrossEntropy(from, input("t", [many], "i32"), {
      logitsOf: (rows) => matmul(rows, matrix, { transB: true }),
      vocabSize: words,
      logitsBytes,
      trained,
      gradients: withGradients,
    });
    const grads = withGradients ? gradients(total(loss.nll), [from, ...trained]) : [];
    return liveMemory(rewrite([loss.nll, loss.margin, ...grads]).toReversed()).peak;
  };
  for (const trained of [[], [input("e", [words, wide])]]) {
    expect(peak(all, trained, true)).toBeGreaterThan(1.9 * all);
    expect(peak(all / 16, trained, true)).toBeLessThan(all / 3);
  }
  expect(peak(all / 16, [], false)).toBeLessThan(all / 6);
});

test("a row larger than the budget is computed alone", () => {
  const random = createRandom(1);
  const loss = chunkedCrossEntropy(hidden, targets, {
    logitsOf: heads.plain!,
    vocabSize,
    logitsBytes: 1 + Math.floor(random.next() * 4 * vocabSize - 2),
    trained: [],
    gradients: false,
  });
  const [nll] = interpret([loss.nll], feeds);
  const [whole] = interpret([crossEntropy(heads.plain!(hidden), targets).nll], feeds);
  expect(Array.from(nll!.data)).toEqual(Array.from(whole!.data));
});
