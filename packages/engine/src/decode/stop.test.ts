import fc from "fast-check";
import { expect, test } from "vitest";
import { createStopMatcher } from "./stop.ts";

/** What comes out for a text in pieces, after every push and at the end. */
function run(stops: string[], pieces: string[]) {
  const matcher = createStopMatcher(stops);
  const results = pieces.map((piece) => matcher.push(piece));
  return {
    emitted: results.map(({ emit }) => emit),
    stopped: results.map(({ stopped }) => stopped),
    rest: matcher.flush(),
  };
}

test("text that cannot be the beginning of a stop string comes out at once", () => {
  expect(run(["END"], ["Hello ", "wor", "ld"])).toEqual({
    emitted: ["Hello ", "wor", "ld"],
    stopped: [false, false, false],
    rest: "",
  });
});

test("a stop string across pieces is withheld from its first character on", () => {
  expect(run(["</s>"], ["a<", "/", "s>b", "c"])).toEqual({
    emitted: ["a", "", "", ""],
    stopped: [false, false, true, true],
    rest: "",
  });
});

test("withheld text comes out when it turns out harmless, or at the end", () => {
  expect(run(["</s>"], ["a<", "/b", "<"])).toEqual({
    emitted: ["a", "</b", ""],
    stopped: [false, false, false],
    rest: "<",
  });
});

test("a stop string that begins inside its own failed beginning is found", () => {
  expect(run(["aab"], ["a", "a", "a", "b"])).toEqual({
    emitted: ["", "", "a", ""],
    stopped: [false, false, false, true],
    rest: "",
  });
});

test("of overlapping stop strings the one that begins first wins, even when it is complete last", () => {
  expect(run(["abcd", "bc"], ["xabc", "d"])).toEqual({ emitted: ["x", ""], stopped: [false, true], rest: "" });
  expect(run(["abcd", "bc"], ["xabc", "e"])).toEqual({ emitted: ["x", "a"], stopped: [false, true], rest: "" });
  expect(run(["abcd", "bc"], ["xabc"])).toEqual({ emitted: ["x"], stopped: [false], rest: "a" });
});

test("of two that begin together the shorter one stops without waiting", () => {
  expect(run(["ab", "abc"], ["xab"])).toEqual({ emitted: ["x"], stopped: [true], rest: "" });
});

test("without stop strings everything comes out", () => {
  expect(run([], ["a", "", "b"])).toEqual({ emitted: ["a", "", "b"], stopped: [false, false, false], rest: "" });
});

test("an empty stop string is refused by its position", () => {
  expect(() => createStopMatcher(["a", ""])).toThrow(
    expect.objectContaining({ code: "invalid_request", param: "stop[1]" }),
  );
});

// Two letters, so that stop strings overlap each other and themselves all the time.
const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom("a", "b"), minLength, maxLength });

test("however the text is split, what comes out is the text before the first stop string", () => {
  fc.assert(
    fc.property(
      fc.array(letters(1, 5), { maxLength: 4 }),
      fc.array(letters(0, 4), { maxLength: 12 }),
      (stops, pieces) => {
        const text = pieces.join("");
        const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
        const { emitted, stopped, rest } = run(stops, pieces);
        expect(emitted.join("") + rest).toBe(text.slice(0, Math.min(text.length, ...found)));
        if (stopped.includes(true)) expect(found.length).toBeGreaterThan(0);
        expect(stopped).toEqual([...stopped].sort()); // once stopped, always stopped
      },
    ),
    { numRuns: 3000 },
  );
});

test("nothing is withheld for longer than a stop string could need", () => {
  fc.assert(
    fc.property(
      fc.array(letters(1, 5), { minLength: 1, maxLength: 4 }),
      fc.array(letters(1, 4), { maxLength: 12 }),
      (stops, pieces) => {
        const longest = Math.max(...stops.map((stop) => stop.length));
        const { emitted, stopped } = run(stops, pieces);
        if (stopped.includes(true)) return;
        expect(pieces.join("").length - emitted.join("").length).toBeLessThan(longest);
      },
    ),
  );
});

test("a stop string does not count where the text may not end yet", () => {
  const matcher = createStopMatcher(["!"], (text) => text.length >= 3);
  expect(["a!", "b!", "!", "c"].map((piece) => matcher.push(piece))).toEqual([
    { emit: "a!", stopped: false },
    { emit: "b", stopped: true },
    { emit: "", stopped: true },
    { emit: "", stopped: true },
  ]);
  expect(matcher.flush()).toBe("");
});

test("a stop string that does not count is let out at the end", () => {
  const matcher = createStopMatcher(["END"], () => false);
  expect(matcher.push("an EN").emit).toBe("an ");
  expect(matcher.push("D").emit + matcher.flush()).toBe("END");
});

test("a stop string that waited for a longer one to begin is found at the end, which is then a stop", () => {
  const matcher = createStopMatcher(["abcX", "bc"]);
  expect(matcher.push("abc")).toEqual({ emit: "", stopped: false });
  expect(matcher.flush()).toBe("a");
  expect(matcher.stopped).toBe(true);
  const other = createStopMatcher(["abcX"]);
  expect(other.push("abc").emit + other.flush()).toBe("abc");
  expect(other.stopped).toBe(false);
});
