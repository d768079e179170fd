import { beforeAll, describe, expect, test } from "vitest";
import type { BaseModel } from "../base-model.ts";
import { tinyModel } from "../testing/tiny-run.ts";
import { promptIds } from "./prompt.ts";

let model: BaseModel;
beforeAll(async () => {
  model = await tinyModel();
});

type Prompt = Parameters<typeof promptIds>[1]["prompt"];
const idsOf = (prompt: Prompt) => promptIds(model, { prompt, maxTokens: 1, temperature: 0, topP: 1, stop: [] });

describe("a prompt that is no chat", () => {
  test("means control tokens by their names only when it says so", () => {
    const [name, id] = [...model.tokenizer.specialTokens][0]!;
    expect(idsOf({ text: `a${name}`, specialTokens: true }).at(-1)).toBe(id);
    expect(idsOf({ text: `a${name}` })).not.toContain(id);
  });

  test("has its first token once, whether or not it names it", () => {
    const [name, id] = [...model.tokenizer.specialTokens][0]!;
    const tokenizer = { ...model.tokenizer, encode: model.tokenizer.encode, bosForText: id };
    const ids = (text: string) =>
      promptIds({ ...model, tokenizer } as BaseModel, {
        ...{ prompt: { text, specialTokens: true }, maxTokens: 1, temperature: 0, topP: 1, stop: [] },
      });
    expect(ids("hi")).toEqual([id, ...model.tokenizer.encode("hi")]);
    expect(ids(`${name}hi`)).toEqual([id, ...model.tokenizer.encode("hi")]);
  });

  test("may be its tokens", () => {
    const ids = model.tokenizer.encode("Say red.");
    expect(idsOf({ ids })).toEqual(ids);
    for (const wrong of [-1, 0.5, model.tokenizer.vocabSize]) {
      expect(() => idsOf({ ids: [0, wrong] })).toThrow(
        expect.objectContaining({
          code: "invalid_request",
          param: "prompt",
          message: `The prompt has the token ${wrong}.`,
        }),
      );
    }
    expect(() => idsOf({ ids: [] })).toThrow(expect.objectContaining({ param: "prompt" }));
  });

  test("that is too long is named as what it is", () => {
    const ids = new Array<number>(model.spec.maxPositions).fill(0);
    expect(() => idsOf({ ids })).toThrow(
      expect.objectContaining({ code: "context_length_exceeded", param: "prompt", hint: "Shorten the prompt." }),
    );
  });
});
