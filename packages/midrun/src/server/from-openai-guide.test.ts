/** Runs the code of docs/guides/from-openai.md as its reader would: one program, over HTTP, with the real engine. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { tinyModel } from "./testing-engine.ts";
import { anyPort, createGuideFolder, type GuideFolder, readBlocks, replaceIn } from "./testing-guide.ts";

let folder: GuideFolder;
beforeEach(async () => {
  folder = await createGuideFolder();
});
afterEach(() => folder.remove());

it("the guide's program trains, asks and reads what it says", { timeout: 300_000 }, async () => {
  const blocks = await readBlocks("docs/guides/from-openai.md");
  const program = replaceIn(blocks.join("\n"), [...anyPort, ['"midrun/nano"', JSON.stringify(tinyModel)]]);
  const lines = (await folder.run(program)).trim().split("\n");
  expect(lines[0]).toMatch(/^ftjob-[0-9A-Za-z]{24} is queued$/);
  expect(lines.filter((line) => /^step \d+ answers (stop|length)$/.test(line)).length).toBeGreaterThan(0);
  expect(lines.at(-2)).toMatch(/^succeeded: ft:.*:midrun:colours:[0-9A-Za-z]{8} answers (stop|length)$/);
  expect(lines.at(-1)).toMatch(/^20 steps, \d+ tokens$/);
});
