import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startTestingHub } from "../../../../engine/src/io/testing-hub.ts";
import { createClient } from "../../client/client.ts";
import { scriptedFetch } from "../../client/scripted-fetch.ts";
import { type FakeIoOptions, fakeIo } from "../fake-io.ts";
import { runCli } from "../program.ts";

const weights = Buffer.from("w".repeat(1_500_000));

async function setUp() {
  const files = { "config.json": Buffer.from("{}"), "tokenizer.json": Buffer.from("[]"), "model.safetensors": weights };
  const hub = await startTestingHub(files);
  const home = await mkdtemp(join(tmpdir(), "midrun-models-"));
  onTestFinished(() => rm(home, { recursive: true }));
  const env = { HF_HOME: home, HF_ENDPOINT: hub.endpoint };
  const models = async (argv: string[], options: FakeIoOptions = {}, client = createClient({ dataDir: home })) => {
    const io = fakeIo(client, { env, ...options });
    const code = await runCli(["models", ...argv], io);
    return { code, ...io.written };
  };
  return { hub, models };
}

describe("midrun models", () => {
  it("pull downloads with a line for each file, tells the size, and does nothing the second time", async () => {
    const { hub, models } = await setUp();
    const { code, out, err } = await models(["pull", "acme/tiny"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^acme\/tiny: 1\.5 MB in .*snapshots/);
    expect(err).toContain("model.safetensors  1.5 MB\n");
    const requests = hub.requests.length;
    expect((await models(["pull", "acme/tiny", "--json"])).err).toBe("");
    expect(hub.requests.length - requests).toBe(1);
  });

  it("pull moves one line on a terminal", async () => {
    const { models } = await setUp();
    const { err } = await models(["pull", "acme/tiny"], { columns: 80 });
    expect(err.split("\r\x1b[2K")).toContainEqual(
      expect.stringMatching(/^model\.safetensors {2}\d+ % {2}.* of 1\.5 MB$/),
    );
    expect(err.endsWith("100 %  1.5 MB of 1.5 MB\n")).toBe(true);
  });

  it("pull tells of a model that there is not, and of a server elsewhere", async () => {
    const { models } = await setUp();
    expect(await models(["pull", "acme/none"])).toMatchObject({
      code: 1,
      err: expect.stringContaining('There is no model "acme/none"'),
    });
    const away = createClient({ baseURL: "https://midrun.example" });
    expect((await models(["pull", "acme/tiny"], {}, away)).err).toContain("on the server's machine");
  });

  it("rm asks, or takes --yes, and frees what it said", async () => {
    const { models } = await setUp();
    await models(["pull", "acme/tiny"]);
    expect((await models(["list", "--cached"])).out).toMatch(/ID .*SIZE .*\nacme\/tiny +1\.5 MB/);
    expect(await models(["rm", "acme/tiny"])).toMatchObject({ code: 1, err: expect.stringContaining("--yes") });
    expect(await models(["rm", "acme/tiny"], { typed: ["n"] })).toMatchObject({
      code: 1,
      err: "Nothing was deleted.\n",
    });
    expect((await models(["rm", "acme/tiny"], { typed: ["y"] })).out).toBe(
      "Deleted acme/tiny: 1.5 MB are free again.\n",
    );
    expect((await models(["list", "--cached"])).out).toMatch(/^No models/);
    expect((await models(["rm", "acme/tiny", "--yes"])).code).toBe(1);
  });

  it("rm of a fine-tuned model asks the server", async () => {
    const { models } = await setUp();
    const { fetch, requests } = scriptedFetch(() => Response.json({ deleted: true }));
    const { code, out } = await models(
      ["rm", "ft:midrun/nano:midrun:run:Ab3dE6gH", "--yes"],
      {},
      createClient({ fetch }),
    );
    expect({ code, out }).toEqual({ code: 0, out: "Deleted ft:midrun/nano:midrun:run:Ab3dE6gH.\n" });
    expect(requests[0]).toMatchObject({ method: "DELETE" });
    expect(decodeURIComponent(requests[0]!.url)).toContain("/v1/models/ft:midrun/nano:midrun:run:Ab3dE6gH");
  });
});
