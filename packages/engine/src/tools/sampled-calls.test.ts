/** Calls of random models at temperature 2, functions of many kinds: whatever ends, ends in valid calls. */
import { fileURLToPath } from "node:url";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect, it } from "vitest";
import { loadBaseModel } from "../base-model.ts";
import type { FinishReason, ToolChoice } from "../spec.ts";
import { range } from "../util.ts";
import { createToolGenerator } from "./tool-generator.ts";

const word = { type: "string", maxLength: 5 };
const node = {
  type: "object",
  properties: { v: { type: "boolean" }, kids: { type: "array", maxItems: 1, items: { $ref: "#/$defs/node" } } },
  required: ["v"],
};
const schemas: Record<string, Record<string, unknown>> = {
  flat: { properties: { city: word, days: { type: "integer", minimum: 1, maximum: 14 } }, required: ["city"] },
  nested: {
    type: "object",
    properties: {
      user: { type: "object", properties: { name: word, unit: { enum: ["C", "F"] } }, required: ["name"] },
      tags: { type: "array", items: word, minItems: 1, maxItems: 3 },
    },
    required: ["user", "tags"],
  },
  unions: {
    type: "object",
    properties: {
      to: {
        anyOf: [
          { type: "null" },
          { type: "string", pattern: "^[a-z]{2,5}$" },
          { type: "number", multipleOf: 0.5, minimum: -4, maximum: 4 },
        ],
      },
    },
    required: ["to"],
  },
  one_of: {
    type: "object",
    oneOf: [
      { properties: { a: { type: "integer", minimum: 0, maximum: 9 } }, required: ["a"], additionalProperties: false },
      { properties: { b: { const: "x" } }, required: ["b"], additionalProperties: false },
    ],
  },
  formats: {
    type: "object",
    properties: { when: { type: "string", format: "date" }, id: { type: "string", format: "uuid" } },
    required: ["when", "id"],
  },
  recursive: { type: "object", properties: { tree: { $ref: "#/$defs/node" } }, required: ["tree"], $defs: { node } },
  nothing: { type: "object", properties: {} },
  conditional: {
    type: "object",
    properties: { kind: { enum: ["p", "q"] }, n: { type: "integer", minimum: 0, maximum: 99 } },
    required: ["kind"],
    if: { properties: { kind: { const: "p" } } },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so.
    then: { required: ["n"] },
  },
};
const tools = Object.entries(schemas).map(([name, parameters]) => ({
  type: "function" as const,
  function: { name, parameters },
}));
const ajv = addFormats.default(new Ajv2020.default({ strict: false }));
const checks = new Map(Object.entries(schemas).map(([name, schema]) => [name, ajv.compile(schema)]));

it.each(["qwen3-tied", "llama-tied", "granite", "gemma3", "phi3"])("from %s", { timeout: 240_000 }, async (family) => {
  const model = await loadBaseModel(fileURLToPath(new URL(`../../../../fixtures/${family}/model`, import.meta.url)));
  const roomy = { ...model, spec: { ...model.spec, maxPositions: 6000 } };
  const generator = createToolGenerator(roomy, { threads: 1 });
  const choices: ToolChoice[] = ["required", "required", { name: "nested" }, { name: "formats" }];
  let ended = 0;
  for (const [seed, toolChoice] of choices.entries()) {
    const answers = range(8).map(() => ({ content: "", calls: [] as { name: string; text: string }[] }));
    let reasons: FinishReason[] = [];
    const prompt = { messages: [{ role: "user" as const, content: "Go" }] };
    const request = { prompt, tools, toolChoice, seed, n: 8, maxTokens: 500, temperature: 2, topP: 1, stop: [] };
    for await (const event of generator.generate(request)) {
      if (event.type === "done") {
        reasons = event.finishReasons;
        continue;
      }
      const answer = answers[event.index]!;
      answer.content += event.delta;
      for (const { call, name, arguments: piece } of event.calls ?? []) {
        if (name !== undefined) answer.calls.push({ name, text: "" });
        answer.calls[call]!.text += piece;
      }
    }
    for (const [i, { content, calls }] of answers.entries()) {
      expect(content).toBe("");
      if (reasons[i] === "length") continue;
      ended++;
      expect(reasons[i]).toBe("tool_calls");
      expect(calls.length).toBeGreaterThan(0);
      for (const { name, text } of calls) {
        const check = checks.get(name)!;
        expect([text, check(JSON.parse(text)), check.errors]).toEqual([text, true, null]);
      }
    }
  }
  expect(ended).toBeGreaterThan(24);
  await generator.release();
});
