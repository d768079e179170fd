/** Runs the code of docs/tool-calling.md as its reader would: one program, over HTTP, with the real engine. */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tinyModel } from "./testing-engine.ts";
import { anyPort, createGuideFolder, type GuideFolder, readBlocks, replaceIn } from "./testing-guide.ts";

let folder: GuideFolder;
beforeEach(async () => {
  folder = await createGuideFolder();
});
afterEach(() => folder.remove());

/** A model so small that it learns in seconds, with room for definitions of tools in tokens of one byte. */
async function smallModel(): Promise<string> {
  const model = join(folder.dir, "model");
  await cp(tinyModel, model, { recursive: true });
  const config = JSON.parse(await readFile(join(model, "config.json"), "utf8"));
  await writeFile(join(model, "config.json"), JSON.stringify({ ...config, max_position_embeddings: 2048 }));
  return model;
}

it("the guide's program calls, trains a model to call, and asks it", { timeout: 300_000 }, async () => {
  const blocks = await readBlocks("docs/tool-calling.md");
  const replacements = [...anyPort, ['"Qwen/Qwen3-0.6B"', JSON.stringify(await smallModel())] as const];
  const text = (await folder.run(replaceIn(blocks.join("\n"), replacements))).trim();
  expect(text).toMatch(/^null \{\s+id: 'call_\w{24}'.*name: 'clock', arguments: '\{ ?"city" ?: ?"(Oslo|Rome)" ?\}'/s);
  const lines = text.split("\n");
  expect(lines.at(-4)).toMatch(/^(stop|length)$/);
  expect(lines.at(-3)).toMatch(/^half past nine in (Oslo|Rome)$/);
  const [called, said] = lines.slice(-2).map((line) => JSON.parse(line.replace(/^60 /, "")));
  // Qwen3's template writes an empty reasoning before every reply.
  expect(called.content).toBe("<think>\n\n</think>");
  expect(called.tool_calls).toMatchObject([{ type: "function", function: { name: "clock" } }]);
  expect(JSON.parse(called.tool_calls[0].function.arguments)).toEqual({ city: "Rome" });
  expect(said).toEqual({ role: "assistant", content: "<think>\n\n</think>\n\nred" });
});
