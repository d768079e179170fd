import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { gather } from "./gather.ts";

const noPause = async () => {};

async function* counted(to: number, given: number[] = []) {
  for (let i = 1; i <= to; i++) {
    given.push(i);
    yield i;
  }
}

async function all<T>(pages: AsyncIterable<T[]>): Promise<T[][]> {
  const found: T[][] = [];
  for await (const page of pages) found.push(page);
  return found;
}

describe("gather", () => {
  it("gives everything once, in order, in pages of at most so many", async () => {
    const pages = await all(gather(counted(25), { pageSize: 10, pause: nextTurn }));
    expect(pages.flat()).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
    expect(pages.every(({ length }) => length > 0 && length <= 10)).toBe(true);
    expect(await all(gather(counted(0), { pageSize: 10, pause: noPause }))).toEqual([]);
  });

  it("waits for the pause, and takes what came in it along", async () => {
    const pause = Promise.withResolvers<void>();
    const pages = gather(counted(3), { pageSize: 10, pause: () => pause.promise });
    const first = pages.next();
    await nextTurn();
    pause.resolve();
    expect((await first).value).toEqual([1, 2, 3]);
    expect((await pages.next()).done).toBe(true);
  });

  it("reads no further than a page ahead of a reader that takes its time", async () => {
    const given: number[] = [];
    const pages = gather(counted(100, given), { pageSize: 5, pause: nextTurn });
    const { value } = await pages.next();
    await nextTurn();
    await nextTurn();
    expect(given.length).toBeLessThanOrEqual(value!.length + 6);
    await pages.return(undefined);
  });

  it("leaves the iterable when it is left, and fails with it", async () => {
    let left = false;
    async function* endless() {
      try {
        for (;;) {
          yield 1;
          await nextTurn();
        }
      } finally {
        left = true;
      }
    }
    for await (const _ of gather(endless(), { pageSize: 5, pause: noPause })) break;
    expect(left).toBe(true);

    async function* failing() {
      yield 1;
      throw new Error("broken");
    }
    await expect(all(gather(failing(), { pageSize: 5, pause: nextTurn }))).rejects.toThrow("broken");
  });
});
