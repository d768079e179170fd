import { expect, test } from "vitest";
import { inexactWarning, partsOf, worldOf } from "./world.ts";

const world = worldOf({ threads: 2, microBatchParts: 1 });

test("the same world is exact; so is one that an older checkpoint says nothing of", () => {
  expect(inexactWarning(world, worldOf({ threads: 2, microBatchParts: 1 }))).toBeNull();
  expect(inexactWarning(undefined, world)).toBeNull();
});

test("what changed is named with both values, and called inexact", () => {
  const warning = inexactWarning({ ...world, cpu: "x64 other" }, { ...world, threads: 4 });
  expect(warning).toContain("inexactly");
  expect(warning).toContain("threads is 4 and was 2");
  expect(warning).toContain("was x64 other");
  expect(warning).not.toContain("onnxruntime");
  // Another release may compute in another order.
  expect(inexactWarning({ ...world, midrun: "0.0.1" }, world)).toMatch(/midrun is \S+ and was 0\.0\.1/);
});

test("micro-batches stay divided as the checkpoint says", () => {
  expect(partsOf(worldOf({ threads: 1, microBatchParts: 4 }))).toBe(4);
  expect(partsOf(undefined)).toBe(1);
});
