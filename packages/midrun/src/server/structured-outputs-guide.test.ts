/** Runs the programs of docs/structured-outputs.md as their reader would, against a server with the real engine. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type EngineServer, startEngineServer, tinyModel } from "./testing-engine.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

let dir: string;
let server: EngineServer;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "midrun-guide-"));
  server = await startEngineServer();
  await writeFile(join(dir, "package.json"), '{"type":"module"}');
  await symlink(join(root, "node_modules"), join(dir, "node_modules"));
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

/** Code that stands for itself, with the server and the model that only a test has. */
async function readPrograms(): Promise<string[]> {
  const guide = await readFile(join(root, "docs/structured-outputs.md"), "utf8");
  return [...guide.matchAll(/^```ts\n(import.*?)^```$/gms)].map(([, code]) =>
    code!.replace("http://127.0.0.1:4717/v1", server.baseURL).replace('"midrun/nano"', JSON.stringify(tinyModel)),
  );
}

it("the guide's programs print one of the colours that their schema allows", { timeout: 120_000 }, async () => {
  const programs = await readPrograms();
  expect(programs).toHaveLength(2);
  for (const [i, program] of programs.entries()) {
    const path = join(dir, `program-${i}.ts`);
    await writeFile(path, program);
    const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: dir });
    expect(stdout).toMatch(/^(red|blue)\n$/);
  }
});
