import { expect, test } from "vitest";
import { createValidator } from "./validator.ts";

test("a pattern that would take years is given up after a second", () => {
  const validate = createValidator({ type: "string", pattern: "^(a+)+$" });
  expect(validate("aaaa")).toBeNull();
  expect(validate(`${"a".repeat(50)}b`)).toEqual({
    message: expect.stringMatching(/^cannot be checked: .*timed out/),
    path: "",
  });
  expect(validate("b")).toEqual({ message: expect.stringContaining("pattern"), path: "" });
});
