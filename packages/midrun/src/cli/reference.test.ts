import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createClient } from "../client/client.ts";
import { fakeIo } from "./fake-io.ts";
import { commands, createProgram, groups, runCli } from "./program.ts";
import { commandSections, settingsTable } from "./reference.ts";

const docs = (name: string) => fileURLToPath(new URL(`../../../../docs/${name}`, import.meta.url));

/** The page with this part of it as it should be; `vitest run -u` writes it so. */
async function withPart(path: string, part: string, content: string): Promise<string> {
  const text = await readFile(path, "utf8");
  const [start, end] = [`<!-- ${part} -->\n`, `<!-- /${part} -->`];
  if (!text.includes(start) || !text.includes(end)) throw new Error(`${path} has lost its marks of ${part}.`);
  return text.slice(0, text.indexOf(start) + start.length) + content + text.slice(text.indexOf(end));
}

describe("the documentation", () => {
  it("of settings is their table", async () => {
    const path = docs("configuration.md");
    await expect(await withPart(path, "settings", settingsTable())).toMatchFileSnapshot(path);
  });

  it("of commands is their data", async () => {
    const path = docs("cli.md");
    await expect(await withPart(path, "commands", commandSections(commands))).toMatchFileSnapshot(path);
  });
});

describe("the help of", () => {
  it.each(commands.map(({ name }) => [name]))("midrun %s shows what it does and an example of it", async (name) => {
    const io = fakeIo(createClient({ fetch: () => new Response() }));
    const code = await runCli([...name.split(" "), "--help"], io);
    expect({ code, err: io.written.err }).toEqual({ code: 0, err: "" });
    const spec = commands.find((command) => command.name === name)!;
    expect(io.written.out).toContain(`Usage: midrun ${name}`);
    for (const example of spec.examples) expect(io.written.out).toContain(`  $ midrun ${example}\n`);
  });

  it.each(Object.keys(groups))("midrun %s names its commands", async (group) => {
    const io = fakeIo(createClient({ fetch: () => new Response() }));
    expect(await runCli([group, "--help"], io)).toBe(0);
    const own = commands.filter(({ name }) => name.startsWith(`${group} `));
    expect(own.length).toBeGreaterThan(0);
    for (const { name } of own) expect(io.written.out).toMatch(new RegExp(`^ {2}${name.split(" ")[1]} `, "m"));
  });
});

it("every example is a command line that is understood", async () => {
  for (const example of commands.flatMap(({ examples }) => examples)) {
    const words = [...example.replace(/ <.*$/, "").matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, bare]) => quoted ?? bare!,
    );
    const run: string[] = [];
    const program = createProgram({ out: () => {}, err: () => {} }, async ({ name }) => void run.push(name));
    await program.parseAsync(words, { from: "user" });
    expect(example.startsWith(run[0]!)).toBe(true);
  }
});
