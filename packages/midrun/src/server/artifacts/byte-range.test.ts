import { describe, expect, it } from "vitest";
import { parseRange } from "./byte-range.ts";

describe("parseRange", () => {
  it.each([
    ["bytes=0-0", { start: 0, end: 0 }],
    ["bytes=0-9", { start: 0, end: 9 }],
    ["bytes=3-", { start: 3, end: 9 }],
    ["bytes=9-", { start: 9, end: 9 }],
    ["bytes=5-500", { start: 5, end: 9 }],
    ["bytes=-1", { start: 9, end: 9 }],
    ["bytes=-500", { start: 0, end: 9 }],
    ["Bytes = 2 - 4", { start: 2, end: 4 }],
  ])("reads %s of ten bytes", (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });

  it.each(["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-"])("finds nothing in %s", (header) => {
    expect(parseRange(header, 10)).toBe("unsatisfiable");
  });

  it.each([
    undefined,
    "",
    "bytes=-",
    "bytes=",
    "bytes=4-2",
    "bytes=a-b",
    "bytes=0-1,4-5",
    "lines=0-1",
    "bytes=0x1-2",
    "bytes=1.5-2",
  ])("ignores %s", (header) => {
    expect(parseRange(header, 10)).toBeNull();
  });

  it("finds nothing in an empty file", () => {
    expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable");
    expect(parseRange("bytes=-5", 0)).toBe("unsatisfiable");
    expect(parseRange(undefined, 0)).toBeNull();
  });
});
