/** Functions with whatever for parameters: refused as such, or called with arguments that satisfy them. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { createValidator } from "../decode/constrain/schema/validator.ts";
import { eagerToEnd, sampleText, smallVocabulary } from "../decode/constrain/testing-sample.ts";
import { recursiveSchemaArbitrary, schemaArbitrary } from "../decode/constrain/testing-schemas.ts";
import { type CompiledConstraint, createConstrainer } from "../decode/constrain.ts";
import { createRandom } from "../random.ts";
import type { ToolDefinition } from "../spec.ts";
import { callConstraint } from "./call-constraint.ts";
import { createCallReader } from "./call-reader.ts";
import { type ChosenTools, chooseTools } from "./tool-choice.ts";
import { type ToolFormat, toolFormats } from "./tool-format.ts";

const parameters = fc.oneof(schemaArbitrary, recursiveSchemaArbitrary, fc.object(), fc.constant(undefined));
/** As they come out of a request: plain JSON. */
const tools = fc.array(parameters, { minLength: 1, maxLength: 3 }).map((all): ToolDefinition[] => {
  const given = all.map((own, i) => ({ type: "function", function: { name: `f${i}`, parameters: own } }));
  return JSON.parse(JSON.stringify(given));
});

async function prepare(all: ToolDefinition[], format: ToolFormat, choice: "auto" | "required") {
  const chosen: ChosenTools = chooseTools({ tools: all, choice, isParallel: true })!;
  const { constraint, atStart } = callConstraint(format, chosen);
  const options = { whitespacePattern: " ?", disableAdditionalProperties: true };
  const compiled: CompiledConstraint = await createConstrainer(smallVocabulary).compile(constraint, options);
  return { chosen, atStart, compiled };
}

it("no schema is a fault, and none is broken", { timeout: 240_000 }, async () => {
  const counts = { refused: 0, calls: 0 };
  const choices = fc.constantFrom("auto" as const, "required" as const);
  await fc.assert(
    fc.asyncProperty(tools, fc.constantFrom(...toolFormats), choices, fc.nat(), async (all, format, choice, seed) => {
      const prepared = await prepare(all, format, choice).catch((error) => {
        expect(error).toMatchObject({ code: "invalid_request" });
        counts.refused++;
        return null;
      });
      const text = prepared && sampleText(prepared.compiled, 400, eagerToEnd(createRandom(seed)));
      if (!prepared || text === null) return;
      const names = all.map((tool) => tool.function.name);
      for (const { name, text: value } of callsIn(text, { format, names, atStart: prepared.atStart })) {
        counts.calls++;
        const { schema } = prepared.chosen.tools.find((tool) => tool.name === name)!;
        expect([value, createValidator(schema)(JSON.parse(value))]).toEqual([value, null]);
      }
    }),
    { numRuns: 250, seed: 3 },
  );
  expect(counts.refused).toBeGreaterThan(10);
  expect(counts.calls).toBeGreaterThan(50);
});

function callsIn(text: string, syntax: Parameters<typeof createCallReader>[0]) {
  const reader = createCallReader(syntax);
  const calls: { name: string; text: string }[] = [];
  for (const event of [...reader.push(text), ...reader.end(false)]) {
    if (event.type === "call") calls.push({ name: event.name, text: "" });
    else if (event.type === "arguments") calls[event.index]!.text += event.text;
  }
  return calls;
}
