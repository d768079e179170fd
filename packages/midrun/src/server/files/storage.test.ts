import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiskStorage } from "./disk-storage.ts";
import { createMemoryStorage } from "./memory-storage.ts";
import type { FileStorage } from "./storage.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "midrun-files-"));
});
afterEach(() => rm(dir, { recursive: true }));

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function text(storage: FileStorage, name: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of storage.read(name)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe.each([
  ["createDiskStorage", () => createDiskStorage(join(dir, "made"))],
  ["createMemoryStorage", () => createMemoryStorage()],
])("%s", (_, create) => {
  it("gives back what was written, with its size and checksum", async () => {
    const storage = create();
    const written = await storage.write("a", chunks("hello ", "world"), 11);
    expect(written).toEqual({ bytes: 11, md5: "5eb63bbbe01eeed093cb22bb8f5acdc3" });
    expect(await text(storage, "a")).toBe("hello world");
    await storage.write("a", chunks(), 0);
    expect(await text(storage, "a")).toBe("");
  });

  it("keeps nothing of what is too large or breaks off, and leaves the older content", async () => {
    const storage = create();
    await storage.write("a", chunks("old"), 9);
    await expect(storage.write("a", chunks("12345", "6"), 5)).rejects.toMatchObject({ code: "payload_too_large" });
    const broken = (async function* () {
      yield Buffer.from("half");
      throw new Error("gone");
    })();
    await expect(storage.write("a", broken, 9)).rejects.toThrow("gone");
    expect(await text(storage, "a")).toBe("old");
  });

  it("removes once or more often; then nothing is there", async () => {
    const storage = create();
    await storage.write("a", chunks("x"), 9);
    await storage.remove("a");
    await storage.remove("a");
    await expect(text(storage, "a")).rejects.toMatchObject({ code: "file_not_found" });
  });

  it("is swept of what nobody wants", async () => {
    const storage = create();
    await storage.sweep(async () => false);
    for (const name of ["file-1", "file-2", "part_1"]) await storage.write(name, chunks(name), 9);
    await storage.sweep(async (name) => name === "file-2");
    expect(await text(storage, "file-2")).toBe("file-2");
    for (const name of ["file-1", "part_1"]) {
      await expect(text(storage, name)).rejects.toMatchObject({ code: "file_not_found" });
    }
  });
});

it("sweeps away what a killed process left half written, and nothing that is not its own", async () => {
  const kept = ["notes.txt", ".part", "file-a.txt", ".file-b", "file-c.part", "file-d"];
  for (const name of [...kept, ".file-e.part", ".part_f.part", "part_g"]) await writeFile(join(dir, name), "x");
  await createDiskStorage(dir).sweep(async (name) => name === "file-d");
  expect((await readdir(dir)).sort()).toEqual(kept.sort());
});

it("leaves no unfinished file on disk", async () => {
  const storage = createDiskStorage(dir);
  await storage.write("a", chunks("123456"), 5).catch(() => {});
  expect(await readdir(dir)).toEqual([]);
});
