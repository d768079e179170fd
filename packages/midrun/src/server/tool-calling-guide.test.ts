/** Runs the code of docs/tool-calling.md as its reader would: one program, over HTTP, with the real engine. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "midrun-guide-"));
});
afterEach(() => rm(dir, { recursive: true }));

/** A model so small that it learns in seconds, with room for definitions of tools in tokens of one byte. */
async function smallModel(): Promise<string> {
  const model = join(dir, "model");
  await cp(join(root, "fixtures/qwen3-tied/model"), model, { recursive: true });
  const config = JSON.parse(await readFile(join(model, "config.json"), "utf8"));
  await writeFile(join(model, "config.json"), JSON.stringify({ ...config, max_position_embeddings: 2048 }));
  return model;
}

async function readProgram(): Promise<string> {
  const replacements: [found: string, by: string][] = [
    ["port: 4717", "port: 0"],
    ['"http://127.0.0.1:4717/v1"', 'new URL("/v1", server.url).href'],
    ['"Qwen/Qwen3-0.6B"', JSON.stringify(await smallModel())],
  ];
  const guide = await readFile(join(root, "docs/tool-calling.md"), "utf8");
  const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);
  return replacements.reduce((program, [found, by]) => {
    expect(program.split(found)).toHaveLength(2);
    return program.replace(found, by);
  }, blocks.join("\n"));
}

it("the guide's program calls, trains a model to call, and asks it", { timeout: 300_000 }, async () => {
  const path = join(dir, "guide.ts");
  await writeFile(path, await readProgram());
  await writeFile(join(dir, "package.json"), '{"type":"module"}');
  await symlink(join(root, "node_modules"), join(dir, "node_modules"));
  const flags = ["--conditions=midrun-source", "--disable-warning=ExperimentalWarning"];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, path], { cwd: dir });
  expect(stderr).toBe("");
  const text = stdout.trim();
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
