import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient } from "../../client/client.ts";
import { createTrainer } from "../../trainer/create-trainer.ts";
import { type FakeIoOptions, fakeIo } from "../fake-io.ts";
import { runCli } from "../program.ts";

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "midrun-data-"));
});
afterEach(() => rm(cwd, { recursive: true }));

async function check(argv: string[], options: FakeIoOptions = {}) {
  const io = fakeIo(createClient({ dataDir: join(cwd, ".midrun") }), { cwd, ...options });
  const code = await runCli(["data", "check", ...argv], io);
  return { code, ...io.written };
}

const chat = (user: string, assistant: string) => ({
  messages: [
    { role: "user", content: user },
    { role: "assistant", content: assistant },
  ],
});
const write = (...rows: unknown[]) =>
  writeFile(join(cwd, "rows.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));

describe("midrun data check", () => {
  it("counts, draws the lengths, and marks what is learned", async () => {
    await write(chat("Say red.", "red"), chat("Say blue, please.", "blue"));
    const { code, out, err } = await check(["rows.jsonl", "--examples", "1"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(
      /^rows\.jsonl, as midrun\/nano reads it\n2 rows \(chatml\), \d+ tokens, \d+ of them learned \(\d+ %\)\n/,
    );
    expect(out).toMatch(/Tokens a row\n( +\d+ to \d+ .*\n)+/);
    expect(out).toMatch(/Row 1, \d+ tokens \(«learned»\)\n[^«]*Say red\.[^«]*«red/);
    expect(out).not.toContain("Row 2");
  });

  it("colours them on a terminal, unless colours are unwanted", async () => {
    await write(chat("Say red.", "red"));
    expect((await check(["rows.jsonl"], { columns: 80 })).out).toContain("\x1b[32mred");
    expect((await check(["rows.jsonl"], { columns: 80, env: { NO_COLOR: "1" } })).out).not.toContain("\x1b");
  });

  it("names rows that are left out, and why", async () => {
    await write(chat("x ".repeat(100), "red"), chat("Say blue.", "blue"));
    const { out } = await check(["rows.jsonl", "--max-length", "32"]);
    expect(out).toMatch(/1 row left out\n {2}row 1: .*cut to 32/);
  });

  it("--json gives everything", async () => {
    await write(chat("Say red.", "red"));
    const found = JSON.parse((await check(["rows.jsonl", "--json", "--format", "chatml"])).out);
    expect(found).toMatchObject({ report: { format: "chatml", rows: 1, dropped: [] }, warnings: [] });
    expect(found.examples[0].tokens[0]).toEqual({ token: expect.any(String), id: expect.any(Number), weight: 0 });
  });

  it.each([
    ["a row that is none", '{"messages":[]}', /rows\.jsonl/],
    ["no JSON", "{", /rows\.jsonl/],
  ])("refuses %s as training would", async (_, text, reason) => {
    await writeFile(join(cwd, "rows.jsonl"), text);
    const { code, out, err } = await check(["rows.jsonl"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(reason);
    expect(err).not.toContain("--debug");
  });

  it("refuses a file that is not there", async () => {
    expect(await check(["none.jsonl"])).toMatchObject({ code: 1, err: expect.stringContaining("none.jsonl") });
  });

  it("without a file checks the data of the project's trainer with its settings", async () => {
    const shared = globalThis as { trainerUnderTest?: unknown };
    const rows = [chat("Say red.", "red")];
    shared.trainerUnderTest = createTrainer({
      name: "run",
      model: "midrun/nano",
      dataset: { type: "inline", rows },
      trainOnResponsesOnly: false,
    });
    await mkdir(join(cwd, "src/midrun"), { recursive: true });
    await writeFile(join(cwd, "src/midrun/index.ts"), "export const trainer = (globalThis as any).trainerUnderTest;");
    const { out } = await check([]);
    delete shared.trainerUnderTest;
    expect(out).toMatch(/^the inline data set, as midrun\/nano reads it\n/);
    expect(out).toMatch(/«user\nSay red\./);
  });
});
