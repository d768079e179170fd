import { expect, test } from "vitest";
import { syntheticSpec } from "../testing/synthetic.ts";
import { measureMachine } from "./measure-machine.ts";

test("rates are positive, and their share is theirs", async () => {
  const spec = syntheticSpec({
    layers: 1,
    hiddenSize: 64,
    heads: 2,
    kvHeads: 2,
    intermediateSize: 128,
    vocabSize: 256,
    headDim: 32,
  });
  const { matmulGflops, trainGflops, share, tokensPerSecond } = await measureMachine({ rounds: 1, spec });
  expect(matmulGflops).toBeGreaterThan(0);
  expect(tokensPerSecond).toBeGreaterThan(0);
  expect(share).toBeCloseTo(trainGflops / matmulGflops, 6);
  expect(share).toBeLessThan(1); // nothing trains faster than the product that it is made of
});
