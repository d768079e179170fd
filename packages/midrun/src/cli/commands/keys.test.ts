import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createClient } from "../../client/client.ts";
import { fakeIo } from "../fake-io.ts";
import { runCli } from "../program.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "midrun-keys-"));
});
afterEach(() => rm(dataDir, { recursive: true }));

async function keys(argv: string[], client = createClient({ dataDir })) {
  const io = fakeIo(client);
  const code = await runCli(["keys", ...argv, "--data-dir", dataDir], io);
  return { code, ...io.written };
}

it("makes a key that is shown once, lists it without its secret, and revokes it", async () => {
  expect((await keys(["list"])).out).toMatch(/^No keys/);
  const made = await keys(["create", "--name", "laptop", "--project", "acme"]);
  expect(made.out).toMatch(/^sk-midrun-\w+-\w+\n$/);
  const [, id = ""] = /(key_\w+)/.exec(made.err) ?? [];

  const listed = await keys(["list"]);
  expect(listed.out).toMatch(new RegExp(`^ID .*\n${id} +laptop +acme +sk-midrun-…\\w{4} +\\d{4}-\\d\\d-\\d\\d\n$`));
  expect(listed.out).not.toContain(made.out.trim());

  expect((await keys(["revoke", id])).out).toBe(`${id} is revoked.\n`);
  expect((await keys(["list"])).out).toMatch(/revoked \d{4}/);
});

it("--json has the secret where it was made, and nowhere else", async () => {
  const made = JSON.parse((await keys(["create", "--json"])).out);
  expect(made).toMatchObject({ project: "default", secret: expect.stringMatching(/^sk-midrun-/) });
  expect((await keys(["list", "--json"])).out).not.toContain(made.secret);
});

it("refuses an unknown key, and a server elsewhere", async () => {
  expect(await keys(["revoke", "key_x"])).toMatchObject({
    code: 1,
    err: expect.stringContaining('There is no API key "key_x"'),
  });
  const away = createClient({ baseURL: "https://midrun.example" });
  expect((await keys(["list"], away)).err).toContain("made on its own machine");
});
