import { describe, expect, test } from "vitest";
import { createSession } from "../onnx/session.ts";
import { range, sizeOf } from "../util.ts";
import { gradients } from "./grad.ts";
import { interpret } from "./interpret.ts";
import type { OpName, Shape, Tensor } from "./ops.ts";
import * as t from "./tensor.ts";

/** Smooth pseudo-random values in (-1, 1), different for each input. */
const values = (shape: Shape, seed: number) =>
  Float32Array.from(range(sizeOf(shape)), (i) => Math.sin(1 + i * 1.7 + seed * 0.77));
const positive = (shape: Shape, seed: number) => values(shape, seed).map((x) => Math.abs(x) + 0.5);
const integers = (length: number, below: number) => Int32Array.from(range(length), (i) => (i * 5 + 2) % below);

interface Case {
  build: (...inputs: Tensor[]) => Tensor;
  feeds: (Float32Array | Int32Array)[];
  shapes: Shape[];
  differentiable?: false;
}

function floats(shapes: Shape[], build: Case["build"], make = values): Case {
  return { build, shapes, feeds: shapes.map((shape, i) => make(shape, i)) };
}

const index = integers(4, 5);

/** x times weights of two blocks. Rounding each block of x to 8 bits changes nothing: it holds 127ths, the largest of which is 1. */
function packedProduct(bits: 4 | 8, alpha: number): Case {
  const [rows, n, blocks] = [3, 4, 2];
  const x = Float32Array.from(range(rows * 32 * blocks), (i) => (i % 32 === 5 ? 127 : ((i * 37) % 255) - 127) / 127);
  const packed = Uint8Array.from(range(n * blocks * 4 * bits), (i) => (i * 89 + 11) % 256);
  const scales = values([n, blocks], 3).map((v) => v / 2 ** bits);
  return {
    shapes: [[rows, 32 * blocks]],
    feeds: [x],
    build: (input) => {
      const weights = t.dequantize(t.constant(packed, [n, blocks, 4 * bits]), t.constant(scales, [n, blocks]), bits);
      return t.matmul(input, weights, { transB: true, alpha });
    },
    differentiable: false,
  };
}

/** Weights fed in their packed form, two blocks a row; the halves of a row with 4 bits are of unequal numbers of blocks. */
function unpackedProduct(bits: 4 | 8): Case {
  const [n, blocks] = [4, 3];
  const packed = Uint8Array.from(range(n * blocks * 4 * bits), (i) => (i * 89 + 11) % 256);
  return floats([[n, blocks]], (scales) => {
    const fixed = t.mul(t.constant(values([n, blocks], 3), [n, blocks]), t.add(t.mul(scales, 0), 1));
    return t.add(t.unpack(t.constant(packed, [n, blocks * 4 * bits]), fixed, bits), t.sum(scales, [0, 1]));
  });
}

/** At least one case for every operation: the type asks for it. */
const cases: { [K in Exclude<OpName, "gemm" | "matmulPacked">]: Record<string, Case> } = {
  input: { itself: floats([[2, 3]], (x) => x) },
  constant: { added: floats([[2, 3]], (x) => t.add(x, t.constant(new Float32Array([1, 2, 3]), [3]))) },
  add: {
    same: floats(
      [
        [2, 3],
        [2, 3],
      ],
      t.add,
    ),
    row: floats([[2, 3], [3]], t.add),
    both: floats(
      [
        [2, 1, 3],
        [4, 1],
      ],
      t.add,
    ),
  },
  sub: {
    same: floats(
      [
        [2, 3],
        [2, 3],
      ],
      t.sub,
    ),
    scalar: floats([[2, 3]], (x) => t.sub(1, x)),
  },
  mul: {
    same: floats(
      [
        [2, 3],
        [2, 3],
      ],
      t.mul,
    ),
    column: floats(
      [
        [2, 3],
        [2, 1],
      ],
      t.mul,
    ),
  },
  div: {
    same: floats(
      [
        [2, 3],
        [2, 3],
      ],
      t.div,
      positive,
    ),
    scalar: floats([[2, 3]], (x) => t.div(1, x), positive),
  },
  neg: { plain: floats([[2, 3]], t.neg) },
  exp: { plain: floats([[2, 3]], t.exp) },
  log: { plain: floats([[2, 3]], t.log, positive) },
  sqrt: { plain: floats([[2, 3]], t.sqrt, positive) },
  sigmoid: { plain: floats([[2, 3]], t.sigmoid) },
  tanh: { plain: floats([[2, 3]], t.tanh) },
  silu: { plain: floats([[2, 3]], t.silu) },
  geluTanh: { plain: floats([[2, 3]], (x) => t.geluTanh(t.mul(x, 3))) },
  matmul: {
    plain: floats(
      [
        [3, 4],
        [4, 5],
      ],
      (a, b) => t.matmul(a, b),
    ),
    transA: floats(
      [
        [4, 3],
        [4, 5],
      ],
      (a, b) => t.matmul(a, b, { transA: true, alpha: 0.5 }),
    ),
    transB: floats(
      [
        [3, 4],
        [5, 4],
      ],
      (a, b) => t.matmul(a, b, { transB: true, alpha: 2 }),
    ),
    transBoth: floats(
      [
        [4, 3],
        [5, 4],
      ],
      (a, b) => t.matmul(a, b, { transA: true, transB: true }),
    ),
    batched: floats(
      [
        [2, 2, 3, 4],
        [2, 2, 4, 5],
      ],
      (a, b) => t.matmul(a, b),
    ),
    batchedTransA: floats(
      [
        [2, 4, 3],
        [2, 4, 5],
      ],
      (a, b) => t.matmul(a, b, { transA: true }),
    ),
    batchedTransB: floats(
      [
        [2, 3, 4],
        [2, 5, 4],
      ],
      (a, b) => t.matmul(a, b, { transB: true, alpha: 0.3 }),
    ),
    batchedTransBoth: floats(
      [
        [2, 4, 3],
        [2, 5, 4],
      ],
      (a, b) => t.matmul(a, b, { transA: true, transB: true }),
    ),
    plus: floats(
      [
        [3, 4],
        [4, 5],
        [3, 5],
      ],
      (a, b, c) => t.add(t.matmul(a, b, { alpha: 0.7 }), c),
    ),
    plusPlus: floats(
      [
        [3, 4],
        [4, 5],
        [3, 2],
        [2, 5],
      ],
      (a, b, c, d) => t.add(t.matmul(a, b), t.matmul(c, d)),
    ),
  },
  dequantize: { eightBits: packedProduct(8, 1), fourBits: packedProduct(4, 0.5) },
  unpack: { eightBits: unpackedProduct(8), fourBits: unpackedProduct(4) },
  after: {
    plain: floats([[2, 3], [4]], (x, y) => t.after(t.mul(x, x), y)),
    itself: floats([[2, 3]], (x) => t.mul(t.after(x, t.exp(x)), x)),
  },
  sum: { last: floats([[2, 3, 4]], (x) => t.sum(x, [-1])), two: floats([[2, 3, 4]], (x) => t.sum(x, [0, 2])) },
  sumSquares: { last: floats([[2, 3, 4]], (x) => t.sumSquares(x, [-1])) },
  max: { last: { ...floats([[2, 3, 4]], (x) => t.max(x, [-1])), differentiable: false } },
  softmax: { plain: floats([[2, 3, 4]], t.softmax) },
  logSoftmax: { plain: floats([[3, 4]], t.logSoftmax) },
  rmsNorm: {
    plain: floats([[3, 4], [4]], (x, w) => t.rmsNorm(x, w, 1e-5)),
    deep: floats([[2, 3, 4], [4]], (x, w) => t.rmsNorm(x, w, 0.1)),
  },
  rope: {
    whole: floats(
      [
        [3, 8],
        [3, 2],
        [3, 2],
      ],
      (x, _cos, _sin) => t.rope(x, t.constant(values([3, 2], 5), [3, 2]), t.constant(values([3, 2], 6), [3, 2]), 2),
    ),
    partial: floats(
      [
        [3, 16],
        [3, 2],
        [3, 2],
      ],
      (x) => t.rope(x, t.constant(values([3, 2], 5), [3, 2]), t.constant(values([3, 2], 6), [3, 2]), 2),
    ),
  },
  reshape: { plain: floats([[2, 6]], (x) => t.reshape(x, [3, 4])) },
  transpose: { plain: floats([[2, 3, 4]], (x) => t.transpose(x, [2, 0, 1])) },
  concat: {
    middle: floats(
      [
        [2, 3, 2],
        [2, 1, 2],
      ],
      (a, b) => t.concat([a, b], 1),
    ),
  },
  slice: {
    middle: floats([[2, 5, 2]], (x) => t.slice(x, 1, 1, 4)),
    start: floats([[4, 2]], (x) => t.slice(x, 0, 0, 2)),
    sideBySide: floats([[3, 5]], (x) => t.mul(t.slice(x, 1, 0, 3), t.slice(x, 1, 2, 5))),
    tiled: floats([[3, 5]], (x) => t.concat([t.mul(t.slice(x, 1, 2, 5), 2), t.exp(t.slice(x, 1, 0, 2))], 1)),
  },
  pad: {
    middle: floats([[2, 3, 2]], (x) => t.pad(x, 1, 1, 6)),
    end: floats([[2, 2]], (x) => t.pad(x, 0, 2, 4)),
  },
  expand: { plain: floats([[2, 1, 3]], (x) => t.expand(x, [2, 4, 3])) },
  gatherRows: { repeated: floats([[5, 3]], (x) => t.gatherRows(x, t.constant(index, [4]))) },
  scatterRows: {
    repeated: floats([[4, 3]], (x) => t.scatterRows(t.constant(new Int32Array([1, 0, 1, 3]), [4]), x, 5)),
  },
  pick: { plain: floats([[4, 5]], (x) => t.pick(x, t.constant(index, [4]))) },
  bump: {
    plain: floats(
      [
        [4, 5],
        [4, 1],
      ],
      (x, u) => t.bump(x, t.constant(index, [4]), u),
    ),
  },
  customVjp: { double: floats([[2, 3]], (x) => t.customVjp(t.mul(x, x), [x], (g) => [t.mul(t.mul(g, 2), x)])) },
};

const all = Object.entries(cases).flatMap(([op, variants]) =>
  Object.entries(variants).map(([variant, entry]) => ({ name: `${op} ${variant}`, ...(entry as Case) })),
);

const inputsOf = ({ shapes }: Case) => shapes.map((shape, i) => t.input(`x${i}`, shape));
const feedsOf = ({ feeds }: Case) => Object.fromEntries(feeds.map((feed, i) => [`x${i}`, feed]));

/** A scalar whose gradient differs at every position of `y`. */
function weightedSum(y: Tensor): Tensor {
  const weights = t.constant(values(y.shape, 9), y.shape);
  return t.reshape(t.sum(t.mul(y, weights), range(y.shape.length)), []);
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return range(a.length).reduce((worst, i) => Math.max(worst, Math.abs(a[i]! - b[i]!)), 0);
}

describe("interpreter = ONNX Runtime", () => {
  test.each(all)("$name: value", async (entry) => {
    const y = entry.build(...inputsOf(entry));
    await expectSame({ y }, feedsOf(entry));
  });

  test.each(all.filter(({ differentiable }) => differentiable !== false))("$name: gradient", async (entry) => {
    const inputs = inputsOf(entry);
    const grads = gradients(weightedSum(entry.build(...inputs)), inputs);
    await expectSame(Object.fromEntries(grads.map((g, i) => [`g${i}`, g])), feedsOf(entry));
  });
});

async function expectSame(
  outputs: Record<string, Tensor>,
  feeds: Record<string, Float32Array | Int32Array>,
): Promise<void> {
  const session = await createSession(outputs, { threads: 1 });
  const fast = await session.run(feeds);
  await session.release();
  const slow = interpret(Object.values(outputs), feeds);
  for (const [i, name] of Object.keys(outputs).entries()) {
    expect(largestDifference(fast[name]!, slow[i]!.data)).toBeLessThan(1e-5);
  }
}

describe("gradient = finite differences", () => {
  test.each(all.filter(({ differentiable }) => differentiable !== false))("$name", (entry) => {
    const inputs = inputsOf(entry);
    const loss = weightedSum(entry.build(...inputs));
    const exact = interpret(gradients(loss, inputs), feedsOf(entry));
    const lossAt = (feeds: Record<string, ArrayLike<number>>) => interpret([loss], feeds)[0]!.data[0]!;
    const step = 1e-5;
    entry.feeds.forEach((feed, which) => {
      const numeric = range(feed.length).map((i) => {
        const moved = (delta: number) => ({
          ...feedsOf(entry),
          [`x${which}`]: Array.from(feed, (x, j) => (i === j ? x + delta : x)),
        });
        return (lossAt(moved(step)) - lossAt(moved(-step))) / (2 * step);
      });
      expect(largestDifference(exact[which]!.data, numeric)).toBeLessThan(1e-6);
    });
  });
});

test("gradients of slices that tile a tensor are joined without padding", () => {
  const x = t.input("x", [2, 6]);
  const parts = [t.slice(x, 1, 4, 6), t.slice(x, 1, 0, 3), t.slice(x, 1, 3, 4)];
  const loss = t.reshape(
    t.sum(
      t.concat(
        parts.map((part) => t.mul(part, part)),
        1,
      ),
      [0, 1],
    ),
    [],
  );
  const ops = t.topologicalOrder(gradients(loss, [x])).map(({ op }) => op);
  expect(ops).not.toContain("pad");
  expect(ops.filter((op) => op === "concat")).toHaveLength(1);
});
