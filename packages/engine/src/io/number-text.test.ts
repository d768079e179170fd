import { describe, expect, it } from "vitest";
import { toJsonTextLike } from "./number-text.ts";

describe("toJsonTextLike", () => {
  it("writes a number as the source writes it at the same place", () => {
    const source = '{ "cap": 30.0, "eps": 1e-06, "size": 8, "rope": {"theta": 1000000.0, "list": [1.0, 2]} }';
    const text = toJsonTextLike(JSON.parse(source), source);
    expect(text.replace(/\s/g, "")).toBe(source.replace(/\s/g, ""));
  });

  it("writes what is new or changed as JavaScript does", () => {
    const source = '{"cap": 30.0, "list": [1.0], "was": {"a": 1.0}, "text": 2.0}';
    const value = { cap: 31, list: [1, 1], was: 1, text: "2.0", more: { cap: 30 } };
    expect(JSON.parse(toJsonTextLike(value, source))).toEqual(value);
    expect(toJsonTextLike(value, source).replace(/\s/g, "")).toBe(
      '{"cap":31,"list":[1.0,1],"was":1,"text":"2.0","more":{"cap":30}}',
    );
  });
});
