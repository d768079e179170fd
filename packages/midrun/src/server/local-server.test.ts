import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openKeys } from "./keys.ts";
import { createLocalServer, startServer } from "./local-server.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "midrun-local-"));
});
afterEach(() => rm(dir, { recursive: true }));

const missing = { name: "run", model: "midrun/nano", dataset: { type: "file", path: "/no/such/file.jsonl" } };

describe("createLocalServer", () => {
  it("answers in process, makes its directory, and gives it free when it is closed", async () => {
    const dataDir = join(dir, "made", "here");
    for (let i = 0; i < 2; i++) {
      const server = createLocalServer({ dataDir });
      expect(await (await server.request("/v1/jobs")).json()).toEqual({ data: [], hasMore: false });
      await server.close();
    }
    expect(await readdir(dataDir)).toEqual(["keys.db", "midrun.db"]);
  });

  it("refuses a directory that another server uses", async () => {
    const server = createLocalServer({ dataDir: dir });
    expect(() => createLocalServer({ dataDir: dir })).toThrow(expect.objectContaining({ code: "io" }));
    await server.close();
  });

  it("refuses a job whose data is not there, naming the path", async () => {
    const server = createLocalServer({ dataDir: dir });
    const response = await server.request("/v1/jobs", { method: "POST", body: JSON.stringify(missing) });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: "invalid_dataset", param: "dataset.path", message: "There is no file /no/such/file.jsonl." },
    });
    await server.close();
  });
});

describe("startServer", () => {
  it("serves the directory on a port until it is closed", async () => {
    const server = await startServer({ dataDir: dir, port: 0 });
    expect((await fetch(`${server.url}/v1/jobs`)).status).toBe(200);
    await server.close();
    await expect(fetch(`${server.url}/v1/jobs`)).rejects.toThrow();
    await (await startServer({ dataDir: dir, port: 0 })).close();
  });

  it("does not listen where others reach it as long as there are no keys; then it asks for one", async () => {
    for (const host of ["0.0.0.0", "::", "192.0.2.7", "example.test"]) {
      await expect(startServer({ dataDir: dir, host, port: 0 }), host).rejects.toMatchObject({
        code: "invalid_config",
        param: "host",
        hint: expect.stringContaining("midrun keys create"),
      });
    }
    const keys = openKeys(dir);
    const { key, secret } = await keys.create();
    const server = await startServer({ dataDir: dir, host: "0.0.0.0", port: 0 });
    const url = server.url.replace("localhost", "127.0.0.1");
    const statusWith = async (headers: HeadersInit) => (await fetch(`${url}/v1/jobs`, { headers })).status;
    expect(await statusWith({})).toBe(401);
    expect(await statusWith({ authorization: `Bearer ${secret}` })).toBe(200);
    await keys.revoke(key.id);
    expect(await statusWith({ authorization: `Bearer ${secret}` })).toBe(401);
    keys.close();
    await server.close();
  });

  it("lets go of the directory when the port is taken", async () => {
    const first = await startServer({ dataDir: dir, port: 0 });
    const port = Number(new URL(first.url).port);
    const other = join(dir, "other");
    await expect(startServer({ dataDir: other, port })).rejects.toMatchObject({ code: "io", param: "port" });
    await (await startServer({ dataDir: other, port: 0 })).close();
    await first.close();
  });
});
