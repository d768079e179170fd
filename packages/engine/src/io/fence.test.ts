import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkFence, raiseFence } from "./fence.ts";

let root: string;
let dir: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "midrun-fence-"));
  dir = join(root, "made", "here");
});
afterEach(() => rm(root, { recursive: true }));

const gone = { code: "aborted" };

describe("a fence", () => {
  test("keeps earlier runs out, and lets its own and later ones in", async () => {
    await checkFence(dir, 1);
    await raiseFence(dir, 2);
    await raiseFence(dir, 2);
    await checkFence(dir, 2);
    await checkFence(dir, 3);
    await expect(checkFence(dir, 1)).rejects.toMatchObject({
      ...gone,
      message: `Run 2 goes on in ${dir}, so run 1 ends without writing there.`,
    });
  });

  test("is never lowered, and leaves one file", async () => {
    await raiseFence(dir, 9);
    await raiseFence(dir, 10);
    await expect(raiseFence(dir, 9)).rejects.toMatchObject(gone);
    await checkFence(dir, 10);
    await expect(checkFence(dir, 9)).rejects.toMatchObject(gone);
    await raiseFence(dir, 11);
    expect(await readdir(dir)).toEqual([".midrun-fence-11"]);
  });

  test("lets one of several through that raise it at once", async () => {
    const runs = [3, 1, 4, 2].map((number) => raiseFence(dir, number).then(() => checkFence(dir, number)));
    const results = await Promise.allSettled(runs);
    const last = results.map(({ status }) => status)[2];
    expect(last).toBe("fulfilled");
    for (const number of [1, 2, 3]) await expect(checkFence(dir, number)).rejects.toMatchObject(gone);
  });

  test("does not mistake other files for one", async () => {
    await raiseFence(dir, 1);
    for (const name of [".midrun-fence-x", ".midrun-fence-99.tmp", "midrun-fence-99"])
      await writeFile(join(dir, name), "");
    await checkFence(dir, 1);
  });

  test("says why it cannot be raised", async () => {
    await writeFile(join(root, "file"), "");
    await expect(raiseFence(join(root, "file", "x"), 1)).rejects.toMatchObject({ code: "io" });
  });
});
