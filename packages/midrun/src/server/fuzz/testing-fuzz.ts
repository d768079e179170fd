/** What the fuzz tests of the server's doors share: the rules for every answer, and a look at what grows. */
import { readdir } from "node:fs/promises";
import { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect } from "vitest";

/** Seeded, so that a failure comes again. */
export const fuzzRuns = (seed: number, numRuns = 2000) => ({ seed, numRuns });

/** Bytes in pieces of these sizes, again and again. */
export async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = Math.min(bytes.length, at + sizes[i % sizes.length]!);
    yield Uint8Array.from(bytes.subarray(at, end));
    at = end;
  }
}

/** A request's body in these pieces. */
export const streamed = (pieces: AsyncIterable<Uint8Array>) => ({
  body: Readable.toWeb(Readable.from(pieces)) as BodyInit,
  duplex: "half",
});

export const pieceSizes = fc.oneof(
  fc.constant([1 << 20]),
  fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 }),
);

type Damage = (bytes: Buffer) => Buffer;

/** Bytes that were cut short, doubled, flipped or filled in: what happens to them on a bad way. */
const oneDamage: fc.Arbitrary<Damage> = fc
  .record({
    kind: fc.constantFrom("cut", "double", "flip", "insert", "remove"),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    size: fc.integer({ min: 1, max: 40 }),
    noise: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  })
  .map(({ kind, at, size, noise }) => (bytes) => {
    const start = Math.floor(at * bytes.length);
    const end = Math.min(bytes.length, start + size);
    const [before, inside, after] = [bytes.subarray(0, start), bytes.subarray(start, end), bytes.subarray(end)];
    if (kind === "cut") return before;
    if (kind === "double") return Buffer.concat([before, inside, inside, after]);
    if (kind === "remove") return Buffer.concat([before, after]);
    if (kind === "insert") return Buffer.concat([before, noise, inside, after]);
    return Buffer.concat([before, inside.map((byte, i) => byte ^ noise[i % noise.length]!), after]);
  });

/** None, half of the time. */
export const damage: fc.Arbitrary<Damage> = fc
  .oneof(fc.constant<Damage[]>([]), fc.array(oneDamage, { maxLength: 3 }))
  .map((damages) => (bytes) => damages.reduce((hurt, next) => next(hurt), bytes));

/** Whatever was sent: an answer that is none of the server's own faults, and an error with all of its keys. */
export async function expectAnswer(response: Response): Promise<unknown> {
  expect(response.headers.get("x-request-id")).toMatch(/^req_/);
  const body: unknown = await response.json();
  if (response.status === 200) return body;
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
  expect(body).toEqual({
    error: {
      message: expect.stringMatching(/./),
      type: "invalid_request_error",
      param: expect.toSatisfy((param) => param === null || typeof param === "string"),
      code: expect.toSatisfy((code) => code === null || typeof code === "string"),
    },
  });
  return null;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  gc();
}

/** Open files of this process; 0 where the system does not tell. */
async function countOpenFiles(): Promise<number> {
  if (process.platform !== "linux") return 0;
  return (await readdir("/proc/self/fd")).length;
}

/** Runs this, and holds what it leaves in memory and in open files against what there was before. */
export async function expectNoGrowth(work: () => Promise<void>, maxBytes = 16 * 2 ** 20): Promise<void> {
  collectGarbage();
  const before = { heap: process.memoryUsage().heapUsed, files: await countOpenFiles() };
  await work();
  collectGarbage();
  expect(process.memoryUsage().heapUsed - before.heap).toBeLessThan(maxBytes);
  expect((await countOpenFiles()) - before.files).toBeLessThanOrEqual(2);
}
