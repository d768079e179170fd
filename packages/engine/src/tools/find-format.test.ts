import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadChatTemplate } from "../text/chat-template.ts";
import { openTemplate } from "../text/testing-chats.ts";
import { chatMl, chatMlTools, promptThinks } from "../text/testing-templates.ts";
import { loadTokenizer } from "../text/tokenizer.ts";
import { findToolFormat } from "./find-format.ts";
import * as templates from "./testing-templates.ts";

const fixtures = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));

async function ofFixture(family: string) {
  const dir = `${fixtures}${family}/model`;
  const tokenizer = await loadTokenizer(dir);
  return describeFound(findToolFormat(await loadChatTemplate(dir, tokenizer)));
}

async function ofTemplate(source: string, special: string[] = []) {
  const extraTokens = special.map((content) => ({ content, special: true }));
  const { template } = await openTemplate(source, { extraTokens });
  return describeFound(findToolFormat(template));
}

const describeFound = (found: ReturnType<typeof findToolFormat>) =>
  found && `${found.format.name}${found.isParallel ? "" : ", one call"}`;

describe("the format of a model's tool calls", () => {
  it.each([
    ["qwen2", "hermes"],
    ["qwen3-tied", "hermes"],
    ["llama-tied", "llama, one call"],
    ["granite", "granite"],
    ["gemma2", null],
    ["gemma3", null],
    ["gemma4", null],
    ["mistral", null],
    ["phi3", null],
    ["smollm3", null],
  ])("is found from the chat template of %s: %s", async (family, expected) => {
    expect(await ofFixture(family)).toBe(expected);
  });

  it.each([
    ["Hermes", chatMlTools, "hermes"],
    ["no tools", chatMl, null],
    ["no tools, reasoning", promptThinks, null],
    ["Mistral", templates.mistral, "mistral"],
    ["Mistral with a blank", templates.mistral.replace("[TOOL_CALLS][", "[TOOL_CALLS] ["), "mistral"],
    ["Mistral of 2025", templates.mistralArguments, "mistral-args"],
    ["Phi-4-mini", templates.phi, "phi"],
    ["Phi-4-mini, lists", templates.phiList, "phi-list"],
    ["SmolLM3: definitions show how, calls are not printed", templates.smolLm, "hermes"],
    ["JSON", templates.plainJson, "json, one call"],
    ["another notation", templates.xml, null],
  ])("is found from templates like those of %s", async (_, source, expected) => {
    expect(await ofTemplate(source, ["[TOOL_CALLS]", "<|tool_call|>", "<|/tool_call|>"])).toBe(expected);
  });

  it("is not mistaken where prompts begin a reasoning that replies do not show", async () => {
    const thinking = chatMlTools.replace(
      "<|im_start|>assistant\\n' }}{% endif %}",
      "<|im_start|>assistant\\n<think>\\n' }}{% endif %}",
    );
    expect(thinking).not.toBe(chatMlTools);
    expect(await ofTemplate(thinking)).toBe("hermes");
  });
});
