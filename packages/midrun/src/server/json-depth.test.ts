import fc from "fast-check";
import { expect, it } from "vitest";
import { jsonDepth } from "./json-depth.ts";

/** The same by walking the value. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

it.each([
  ["1", 0],
  ['"[[["', 0],
  ["[]", 1],
  ['[{"a":[]},[]]', 3],
  ['["\\\\",["\\""]]', 2],
  ['{"[\\"[":"{"}', 1],
])("of %s is %d", (text, depth) => {
  expect(jsonDepth(text)).toBe(depth);
});

it("is that of the value", () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 6, noUnicodeString: false }),
      fc.constantFrom(undefined, 2),
      (value, indent) => {
        expect(jsonDepth(JSON.stringify(value, null, indent))).toBe(depthOf(value));
      },
    ),
    { seed: 5, numRuns: 500 },
  );
});
