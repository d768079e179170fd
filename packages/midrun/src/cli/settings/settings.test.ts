import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient } from "../../client/client.ts";
import { json, scriptedFetch } from "../../client/scripted-fetch.ts";
import { type MidrunConfig, settings } from "../../protocol/settings.ts";
import { fakeIo } from "../fake-io.ts";
import { runCli } from "../program.ts";
import { settingNames } from "./resolve-settings.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "midrun-settings-"));
});
afterEach(() => rm(directory, { recursive: true }));

const writeConfig = (config: unknown, name = "midrun.config.mjs") =>
  writeFile(join(directory, name), typeof config === "string" ? config : `export default ${JSON.stringify(config)};`);

/** Runs a command that needs a server, and gives the settings that it connected with. */
async function run(argv: string[], env: Record<string, string> = {}) {
  const { fetch } = scriptedFetch(json({ data: [], hasMore: false }));
  const io = fakeIo(createClient({ fetch }), { env, cwd: directory });
  const code = await runCli([...argv, "jobs", "list"], io);
  return { code, err: io.written.err, settings: io.connected[0] };
}

describe("a setting", () => {
  it("comes from the flag, else the environment, else the file, else its default", async () => {
    const at = async (...given: Parameters<typeof run>) => (await run(...given)).settings?.dataDir;
    const env = { MIDRUN_DATA_DIR: "from-env" };
    expect(await at([])).toBe(".midrun");
    await writeConfig({ dataDir: "from-file" });
    expect(await at([])).toBe("from-file");
    expect(await at([], env)).toBe("from-env");
    expect(await at(["--data-dir", "from-flag"], env)).toBe("from-flag");
    expect(await at([], { MIDRUN_DATA_DIR: "" })).toBe("from-file");
  });

  it("is read from words by its own kind", async () => {
    const env = {
      MIDRUN_PORT: "0",
      MIDRUN_SLOTS: "3",
      MIDRUN_ALLOWED_HOSTS: "a.example, b.example",
      MIDRUN_API_KEY: "k",
    };
    expect((await run([], env)).settings).toMatchObject({
      port: 0,
      slots: 3,
      allowedHosts: ["a.example", "b.example"],
      apiKey: "k",
      baseURL: undefined,
    });
  });

  it.each([
    [{ MIDRUN_PORT: "http" }, 'MIDRUN_PORT: got "http", expected integer.'],
    [{ MIDRUN_SLOTS: "0" }, "MIDRUN_SLOTS: got 0,"],
    [{ MIDRUN_BASE_URL: "localhost" }, 'MIDRUN_BASE_URL: got "localhost",'],
  ])("that the environment gives badly is refused by the variable's name: %j", async (env, message) => {
    const { code, err } = await run([], env);
    expect(code).toBe(1);
    expect(err).toContain(message);
  });
});

describe("midrun.config", () => {
  it.each([
    [{ prot: 4001 }, 'midrun.config.mjs: Unknown field "prot".', 'Did you mean "port"?'],
    [{ port: "4001" }, 'midrun.config.mjs: port: got "4001", expected integer.', ""],
    [{ apiKey: "secret" }, 'midrun.config.mjs: Unknown field "apiKey".', "Accepted fields: baseURL,"],
    ["export const config = {};", "midrun.config.mjs has no default export.", "defineConfig"],
    ["export default {", "midrun.config.mjs cannot be imported:", ""],
  ])("%j is refused with its fix", async (config, message, hint) => {
    await writeConfig(config);
    const { code, err, settings: resolved } = await run([]);
    expect({ code, resolved }).toEqual({ code: 1, resolved: undefined });
    expect(err).toContain(message);
    expect(err).toContain(hint);
  });

  it("may be TypeScript, and another file that --config names", async () => {
    await writeConfig("const port: number = 4100;\nexport default { port };", "midrun.config.ts");
    expect((await run([])).settings?.port).toBe(4100);
    await writeConfig({ port: 4200 }, "other.mjs");
    expect((await run(["--config", "other.mjs"])).settings?.port).toBe(4200);
    expect((await run(["--config", "none.mjs"])).err).toMatch(/There is no .*none\.mjs\.\n {2}Pass the path/);
  });

  it("is typed", () => {
    const config: MidrunConfig = {
      port: 4000,
      allowedHosts: ["a.example"],
      modelAliases: { "gpt-4o-mini": "midrun/nano" },
    };
    // @ts-expect-error a misspelt name
    const misspelt: MidrunConfig = { prot: 4000 };
    // @ts-expect-error a secret does not belong in a file
    const secret: MidrunConfig = { apiKey: "k" };
    expect([config, misspelt, secret]).toHaveLength(3);
  });
});

describe("the table of settings", () => {
  it("has names, variables and flags once each, and defaults that its own schemas accept", () => {
    const all = settingNames.map((name) => settings[name]);
    for (const field of ["env", "flag"] as const) {
      const named = all.map((each) => each[field]).filter((value) => value !== null);
      expect(new Set(named).size).toBe(named.length);
    }
    for (const { schema, default: fallback } of all) {
      if (fallback !== null) expect(schema.safeParse(fallback).success).toBe(true);
    }
  });
});
