/** Runs the programs of docs/structured-outputs.md as their reader would, against a server with the real engine. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EngineServer, startEngineServer, tinyModel } from "./testing-engine.ts";
import { createGuideFolder, type GuideFolder, readBlocks, replaceIn } from "./testing-guide.ts";

let folder: GuideFolder;
let server: EngineServer;
beforeAll(async () => {
  folder = await createGuideFolder();
  server = await startEngineServer();
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

it("the guide's programs print one of the colours that their schema allows", { timeout: 120_000 }, async () => {
  const blocks = await readBlocks("docs/structured-outputs.md");
  const programs = blocks.filter((code) => code.startsWith("import"));
  expect(programs).toHaveLength(2);
  for (const program of programs) {
    const replaced = replaceIn(program, [
      ["http://127.0.0.1:4717/v1", server.baseURL],
      ['"midrun/nano"', JSON.stringify(tinyModel)],
    ]);
    expect(await folder.run(replaced)).toMatch(/^(red|blue)\n$/);
  }
});
