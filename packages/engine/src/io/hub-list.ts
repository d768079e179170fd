/** The models that the hub cache holds: their sizes, and how to be rid of one. */

import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../util.ts";
import { errnoOf, toIoError } from "./file-system.ts";
import { parseHubId } from "./hub.ts";
import { type Env, hubCacheDir, repoCache } from "./hub-cache.ts";

export interface CachedModel {
  /** `owner/name`. */
  name: string;
  /** Of everything kept of it: every revision, and downloads that are not complete. */
  sizeBytes: number;
  dir: string;
}

const prefix = "models--";

/** By name. The cache is shared with Python's libraries: it may hold models that midrun cannot train. */
export async function listCachedModels(env: Env = process.env): Promise<CachedModel[]> {
  const cacheDir = hubCacheDir(env);
  const folders = (await namesIn(cacheDir)).filter((name) => name.startsWith(prefix)).sort();
  return Promise.all(
    folders.map(async (folder) => {
      const dir = join(cacheDir, folder);
      return { name: folder.slice(prefix.length).replace("--", "/"), sizeBytes: await sizeOf(join(dir, "blobs")), dir };
    }),
  );
}

/** Deletes every revision of `name`. Gives the bytes that it took. Throws `model_not_found` when the cache has none. */
export async function removeCachedModel(name: string, env: Env = process.env): Promise<number> {
  const found = (await listCachedModels(env)).find((model) => model.name === parseHubId(name)?.repo);
  if (!found) {
    throw new EngineError("model_not_found", `There is no model "${name}" in ${hubCacheDir(env)}.`, {
      param: "model",
      hint: "midrun models list --cached shows what there is.",
    });
  }
  try {
    await rm(repoCache(hubCacheDir(env), found.name).dir, { recursive: true });
  } catch (error) {
    throw toIoError(error, `Cannot remove ${found.dir}`);
  }
  return found.sizeBytes;
}

async function sizeOf(blobs: string): Promise<number> {
  const sizes = await Promise.all((await namesIn(blobs)).map(async (name) => (await stat(join(blobs, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw toIoError(error, `Cannot read ${dir}`);
  }
}
