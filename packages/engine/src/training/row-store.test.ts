import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDir } from "../testing/tiny-run.ts";
import { createRowStore } from "./row-store.ts";

const rowBytes = 4 * 3;
const row = (i: number) => Float32Array.of(i, -i, i / 3);

async function storeWith(room: { memoryRows: number; diskRows: number }, path?: string) {
  const dir = await temporaryDir();
  const store = createRowStore<number>({
    length: 3,
    memoryBytes: room.memoryRows * rowBytes,
    diskBytes: room.diskRows * rowBytes,
    path: path ?? join(dir, "kept.tmp"),
  });
  onTestFinished(() => store.release());
  for (let i = 0; i < 6; i++) await store.set(i, row(i));
  return { store, dir };
}

test("rows are kept in memory, then in the file, then not at all", async () => {
  const { store } = await storeWith({ memoryRows: 2, diskRows: 3 });
  for (let i = 0; i < 5; i++) expect(await store.get(i)).toEqual(row(i));
  expect(await store.get(5)).toBeNull();
  expect(await store.get(99)).toBeNull();
});

test("what is kept is a copy", async () => {
  const { store } = await storeWith({ memoryRows: 0, diskRows: 0 });
  expect(await store.get(0)).toBeNull();
  const { store: roomy } = await storeWith({ memoryRows: 9, diskRows: 0 });
  const data = row(7);
  await roomy.set(7, data);
  data.fill(0);
  expect(await roomy.get(7)).toEqual(row(7));
});

test("no file is made while memory suffices, and none is left in its directory", async () => {
  const inMemory = await storeWith({ memoryRows: 6, diskRows: 6 });
  expect(await inMemory.store.get(5)).toEqual(row(5));
  expect(await readdir(inMemory.dir)).toEqual([]);
  const onDisk = await storeWith({ memoryRows: 0, diskRows: 6 });
  expect(await onDisk.store.get(5)).toEqual(row(5));
  expect(await readdir(onDisk.dir)).toEqual([]);
});

test("a place that cannot be written keeps nothing and is no error", async () => {
  const file = join(await temporaryDir(), "a-file");
  await writeFile(file, "");
  const { store } = await storeWith({ memoryRows: 1, diskRows: 6 }, join(file, "kept.tmp"));
  expect(await store.get(0)).toEqual(row(0));
  expect(await store.get(1)).toBeNull();
});
