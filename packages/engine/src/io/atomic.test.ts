import { mkdir, readdir, readFile, writeFile as write } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { removeDirAtomically, removeLeftovers, writeDirAtomically } from "./atomic.ts";
import { type FileSystem, nodeFileSystem, writeFile } from "./file-system.ts";
import { makeTempDir } from "./testing-dirs.ts";
import { makeFaultyFileSystem } from "./testing-faults.ts";

const fill =
  (content: string, fs: FileSystem = nodeFileSystem) =>
  async (dir: string) => {
    await writeFile(fs, join(dir, "a.txt"), content);
    await fs.mkdir(join(dir, "sub"));
    await writeFile(fs, join(dir, "sub", "b.txt"), content);
  };

const contentOf = async (dir: string) =>
  (await readFile(join(dir, "a.txt"), "utf8")) + (await readFile(join(dir, "sub", "b.txt"), "utf8"));

/** How often `run` may be told to fail before it gets through; `check` sees the disk after every failure. */
async function failEveryCall(
  run: (fs: FileSystem) => Promise<unknown>,
  check: (failure: string) => Promise<void>,
  forEver = false,
): Promise<number> {
  for (let failAt = 1; ; failAt++) {
    const { fs, calls } = makeFaultyFileSystem({ failAt, code: failAt % 2 ? "ENOSPC" : "EIO", forEver });
    const error = await run(fs).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (calls.length < failAt) {
      expect(error).toBeUndefined();
      return failAt;
    }
    if (error) expect(error).toMatchObject({ code: failAt % 2 ? "disk_full" : "io" });
    await check(`call ${failAt}: ${calls[failAt - 1]}`);
  }
}

test("the directory appears with all its files, parents included, and nothing else stays", async () => {
  const root = await makeTempDir();
  const dir = join(root, "deep", "er", "final");
  await writeDirAtomically(dir, fill("x"));
  expect(await contentOf(dir)).toBe("xx");
  expect(await readdir(dirname(dir))).toEqual(["final"]);
});

test("everything is on disk before the name appears, and the name after it", async () => {
  const root = await makeTempDir();
  const { fs, calls } = makeFaultyFileSystem({});
  await writeDirAtomically(join(root, "final"), fill("x", fs), { fs });
  const renameAt = calls.findIndex((call) => call.startsWith("rename "));
  const tmpDir = calls[renameAt]!.split(" ")[1]!;
  const written = calls.filter((call) => call.startsWith("write ")).map((call) => call.slice("write ".length));
  expect(written).toEqual([join(tmpDir, "a.txt"), join(tmpDir, "sub", "b.txt")]);
  for (const path of [...written, join(tmpDir, "sub"), tmpDir]) {
    const syncedAt = calls.lastIndexOf(`sync ${path}`);
    expect(syncedAt, path).toBeGreaterThan(calls.lastIndexOf(`write ${path}`));
    expect(syncedAt, path).toBeLessThan(renameAt);
  }
  expect(calls.indexOf(`sync ${root}`, renameAt)).toBeGreaterThan(renameAt);
});

test("whichever call fails, a new directory is absent and nothing stays behind", async () => {
  const root = await makeTempDir();
  const dir = join(root, "final");
  const calls = await failEveryCall(
    (fs) => writeDirAtomically(dir, fill("x", fs), { fs }),
    async (failure) => expect(await readdir(root), failure).toEqual([]),
  );
  expect(calls).toBeGreaterThan(15);
  expect(await contentOf(dir)).toBe("xx");
});

test("whichever call fails, a directory being replaced is whole: the old one, or in the end the new one", async () => {
  const root = await makeTempDir();
  const dir = join(root, "final");
  await writeDirAtomically(dir, fill("1"));
  await failEveryCall(
    (fs) => writeDirAtomically(dir, fill("2", fs), { fs }),
    async (failure) => {
      expect(["11", "22"], failure).toContain(await contentOf(dir));
      await removeLeftovers(root);
      expect(await readdir(root), failure).toEqual(["final"]);
    },
  );
  expect(await contentOf(dir)).toBe("22");
});

test("after a kill at any call, removeLeftovers leaves the old or the new directory and nothing else", async () => {
  const root = await makeTempDir();
  const dir = join(root, "final");
  await writeDirAtomically(dir, fill("1"));
  await failEveryCall(
    (fs) => writeDirAtomically(dir, fill("2", fs), { fs }),
    async (failure) => {
      await removeLeftovers(root);
      expect(await readdir(root), failure).toEqual(["final"]);
      expect(["11", "22"], failure).toContain(await contentOf(dir));
    },
    true,
  );
});

test("an error of the writer is the error of the call, and nothing has changed", async () => {
  const root = await makeTempDir();
  const dir = join(root, "final");
  await writeDirAtomically(dir, fill("1"));
  const failing = writeDirAtomically(dir, async (tmpDir) => {
    await fill("2")(tmpDir);
    throw new Error("the caller's own");
  });
  await expect(failing).rejects.toThrow("the caller's own");
  expect(await readdir(root)).toEqual(["final"]);
  expect(await contentOf(dir)).toBe("11");
});

test("a directory with somebody's other files is not replaced, unless told to", async () => {
  const dir = join(await makeTempDir(), "home");
  await mkdir(dir);
  await write(join(dir, "thesis.doc"), "years of work");
  await expect(writeDirAtomically(dir, fill("x"))).rejects.toMatchObject({
    code: "invalid_config",
    message: expect.stringContaining("thesis.doc"),
  });
  expect(await readFile(join(dir, "thesis.doc"), "utf8")).toBe("years of work");
  await writeDirAtomically(dir, fill("x"), { overwrite: true });
  expect((await readdir(dir)).sort()).toEqual(["a.txt", "sub"]);
});

test("a file in the way is not replaced", async () => {
  const path = join(await makeTempDir(), "final");
  await write(path, "a file");
  await expect(writeDirAtomically(path, fill("x"))).rejects.toMatchObject({ code: "invalid_config" });
  expect(await readFile(path, "utf8")).toBe("a file");
});

test("removeDirAtomically: after a kill at any call the directory is whole or gone", async () => {
  const root = await makeTempDir();
  const dir = join(root, "final");
  await writeDirAtomically(dir, fill("1"));
  const remove = async (fs: FileSystem) => {
    await writeDirAtomically(dir, fill("1"), { overwrite: true });
    await removeDirAtomically(dir, fs);
  };
  const check = async (failure: string) => {
    await removeLeftovers(root);
    const names = await readdir(root);
    expect([[], ["final"]], failure).toContainEqual(names);
    if (names.length > 0) expect(await contentOf(dir), failure).toBe("11");
  };
  await failEveryCall(remove, check, true);
  expect(await readdir(root)).toEqual([]);
});

test("removeLeftovers touches nothing but leftovers, and an absent directory is clean", async () => {
  const root = await makeTempDir();
  const kept = [".git", "step-000100", ".midrun-new-", "midrun-new-step-000100-0badcafe"];
  for (const name of [...kept, ".midrun-new-step-000100-0badcafe"]) await mkdir(join(root, name));
  expect(await removeLeftovers(root)).toEqual([".midrun-new-step-000100-0badcafe"]);
  expect((await readdir(root)).sort()).toEqual(kept.sort());
  expect(await removeLeftovers(join(root, basename("nowhere")))).toEqual([]);
});
