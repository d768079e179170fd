import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { resolveModelDir } from "./hub.ts";
import { listCachedModels, removeCachedModel } from "./hub-list.ts";
import { makeTempDir } from "./testing-dirs.ts";
import { startTestingHub } from "./testing-hub.ts";

test("a downloaded model is listed with its size, removed whole, and then unknown", async () => {
  const files = { "config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "x".repeat(5000) };
  const hub = await startTestingHub(Object.fromEntries(Object.entries(files).map(([k, v]) => [k, Buffer.from(v)])));
  const env = { HF_HOME: await makeTempDir(), HF_ENDPOINT: hub.endpoint };
  expect(await listCachedModels(env)).toEqual([]);
  await resolveModelDir("acme/tiny", { builtins: {}, env });
  await mkdir(join(env.HF_HOME, "hub/datasets--acme--rows/blobs"), { recursive: true });
  await writeFile(join(env.HF_HOME, "hub/version.txt"), "1");

  // The two small files have the same bytes, and with that one blob.
  const [found, ...others] = await listCachedModels(env);
  expect(found).toMatchObject({ name: "acme/tiny", sizeBytes: 5002 });
  expect(others).toEqual([]);
  expect(await removeCachedModel("acme/tiny@main", env)).toBe(5002);
  expect((await readdir(join(env.HF_HOME, "hub"))).sort()).toEqual(["datasets--acme--rows", "version.txt"]);
  await expect(removeCachedModel("acme/tiny", env)).rejects.toMatchObject({ code: "model_not_found" });
  await expect(removeCachedModel("../..", env)).rejects.toMatchObject({ code: "model_not_found" });
});
