/** Files are never held in memory: not while they come, not while they are checked, not while they go. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { md5OfContent, type SeparateServer, startSeparateServer, uploadLarge } from "./testing-upload.ts";

const mebibyte = 2 ** 20;
/** With either held, the server would grow by as much at least. */
const sizeBytes = 128 * mebibyte;
const allowedGrowth = 96 * mebibyte;

let server: SeparateServer;
beforeAll(async () => {
  server = await startSeparateServer();
});
afterAll(() => server.close());

it("a large file passes through the server without staying in it", { timeout: 300_000 }, async () => {
  // What a first upload loads and compiles is not the file's.
  await uploadLarge(server.baseURL, 4 * mebibyte);
  const before = await server.peakBytes();
  const { id, bytes, md5 } = await uploadLarge(server.baseURL, sizeBytes);
  expect(bytes).toBe(sizeBytes);
  expect(await md5OfContent(server.baseURL, id)).toBe(md5);
  expect((await server.peakBytes()) - before).toBeLessThan(allowedGrowth);
});
