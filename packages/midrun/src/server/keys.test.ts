import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKeyService, openKeys } from "./keys.ts";
import { createManualClock } from "./manual-clock.ts";
import { createMemoryStore } from "./stores/memory.ts";
import { createSqliteStore } from "./stores/sqlite.ts";

describe("createKeyService", () => {
  function setUp() {
    const records = createMemoryStore();
    const clock = createManualClock();
    return { records, clock, keys: createKeyService({ records, clock }) };
  }

  it("tells the secret once, and keeps a hash", async () => {
    const { keys, records } = setUp();
    const { key, secret } = await keys.create({ name: " laptop ", project: "team" });
    expect(secret).toMatch(/^sk-midrun-[0-9A-Za-z]{16}-[0-9A-Za-z]{40}$/);
    expect(key).toMatchObject({ name: "laptop", project: "team", revokedAt: null, lastUsedAt: null });
    expect(key.hint).toBe(`sk-midrun-…${secret.slice(-4)}`);
    expect(await keys.list()).toEqual([key]);
    const stored = JSON.stringify([await records.listKeys(), await records.listProjects(), await keys.list()]);
    expect(stored).not.toContain(secret.slice(-40));
    expect(stored).toMatch(/"hash":"[0-9a-f]{64}"/);
    expect(JSON.stringify(await keys.list())).not.toContain("hash");
  });

  it("makes secrets that differ, in one project of each name", async () => {
    const { keys } = setUp();
    const made = await Promise.all([1, 2, 3].map(() => keys.create({ project: "team" })));
    expect(new Set(made.map(({ secret }) => secret)).size).toBe(3);
    expect(new Set(made.map(({ key }) => key.projectId)).size).toBe(1);
    expect((await keys.create()).key).toMatchObject({ project: "default", projectId: "proj_default" });
  });

  it("knows a key by its whole secret and by nothing else", async () => {
    const { keys } = setUp();
    const { key, secret } = await keys.create();
    const other = (await keys.create()).secret;
    expect((await keys.check(secret))?.id).toBe(key.id);
    const last = secret.at(-1) === "a" ? "b" : "a";
    const wrong = [
      secret.slice(0, -1) + last,
      secret.slice(0, -1),
      `${secret}a`,
      `${secret}\n`,
      secret.slice(0, -40) + other.slice(-40),
      secret.toLowerCase(),
      key.id,
      (await keys.list())[0]!.hint,
      "",
      "sk-midrun-",
      "\u0000",
    ];
    for (const each of wrong) expect(await keys.check(each), JSON.stringify(each)).toBeNull();
  });

  it("revokes at once and for good, and says when", async () => {
    const { keys, clock } = setUp();
    const [{ key, secret }, kept] = [await keys.create(), await keys.create()];
    expect(await keys.revoke(key.id)).toMatchObject({ id: key.id, revokedAt: new Date(clock.now()).toISOString() });
    expect(await keys.check(secret)).toBeNull();
    expect(await keys.check(kept.secret)).not.toBeNull();
    await keys.revoke(kept.key.id);
    expect(await keys.exist()).toBe(true);
    await expect(keys.revoke("key_x")).rejects.toMatchObject({ code: "key_not_found" });
    await expect(keys.revoke(secret)).rejects.toMatchObject({ code: "key_not_found" });
  });

  it("remembers the last use, to the minute", async () => {
    const { keys, clock } = setUp();
    const { secret } = await keys.create();
    const first = new Date(clock.now()).toISOString();
    await keys.check(secret);
    clock.advance(59_000);
    await keys.check(secret);
    expect((await keys.list())[0]!.lastUsedAt).toBe(first);
    clock.advance(1000);
    await keys.check(secret);
    expect((await keys.list())[0]!.lastUsedAt).toBe(new Date(clock.now()).toISOString());
  });

  it("refuses names that would not fit a line", async () => {
    const { keys } = setUp();
    for (const bad of [{ name: "a\nb" }, { name: "a".repeat(65) }, { project: "" }, { project: " " }]) {
      const param = Object.keys(bad)[0];
      await expect(keys.create(bad), JSON.stringify(bad)).rejects.toMatchObject({ code: "invalid_request", param });
    }
    expect(await keys.exist()).toBe(false);
  });
});

describe("openKeys", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "midrun-keys-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("works beside a server: what one does, the other sees at once", async () => {
    const store = createSqliteStore(join(dir, "midrun.db"));
    const server = createKeyService({ records: store });
    const commandLine = openKeys(dir);
    expect(await server.exist()).toBe(false);
    const { key, secret } = await commandLine.create({ project: "team" });
    expect(await server.check(secret)).toMatchObject({ id: key.id, project: "team" });
    await commandLine.revoke(key.id);
    expect(await server.check(secret)).toBeNull();
    commandLine.close();
    await store.close();
  });

  it("leaves no secret on disk", async () => {
    const keys = openKeys(join(dir, "made"));
    const { secret } = await keys.create({ name: "visible" });
    await keys.check(secret);
    const names = await readdir(join(dir, "made"));
    const contents = await Promise.all(names.map((name) => readFile(join(dir, "made", name), "latin1")));
    expect(contents.join("")).toContain("visible");
    expect(contents.join("")).not.toContain(secret.slice(-40));
    keys.close();
  });
});
