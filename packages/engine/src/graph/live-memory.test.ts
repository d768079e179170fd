import { expect, test } from "vitest";
import { liveMemory } from "./live-memory.ts";
import { add, exp, input, matmul, reshape } from "./tensor.ts";

const x = input("x", [10, 10]);

test("a chain holds two values at a time, however long it is", () => {
  const chain = (length: number) => Array.from({ length }).reduce((y: typeof x) => exp(y), x);
  expect(liveMemory([chain(2)])).toEqual({ fed: 400, peak: 800, held: 800 });
  expect(liveMemory([chain(50)])).toEqual({ fed: 400, peak: 800, held: 800 });
});

test("what is used later, and outputs, stay", () => {
  const first = exp(x);
  const last = exp(exp(exp(first)));
  expect(liveMemory([add(last, first)]).peak).toBe(1200);
  expect(liveMemory([last, first]).peak).toBe(1200);
});

test("another view takes nothing, and keeps its source", () => {
  const first = exp(x);
  const view = reshape(first, [5, 20]);
  expect(liveMemory([matmul(view, view, { transA: true })]).peak).toBe(400 + 4 * 20 * 20);
});

test("what is held is divided among values of equal shapes: others find no place in it", () => {
  const narrow = exp(exp(exp(x)));
  const wide = exp(exp(matmul(narrow, input("y", [10, 40]))));
  const back = exp(exp(matmul(wide, input("z", [40, 10]))));
  expect(liveMemory([back])).toMatchObject({ peak: 3200, held: 800 + 3200 });
  expect(liveMemory([exp(wide)])).toMatchObject({ peak: 3200, held: 3200 });
});
