/** The largest file there may be, as one form and in parts: 512 MiB. */
import { createHash } from "node:crypto";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  jsonlBytes,
  md5OfContent,
  type SeparateServer,
  startSeparateServer,
  uploadLarge,
} from "../packages/midrun/src/server/testing-upload.ts";

const mebibyte = 2 ** 20;
const sizeBytes = 512 * mebibyte;
const partBytes = 64 * mebibyte;
const allowedGrowth = 128 * mebibyte;

let server: SeparateServer;
let openai: OpenAI;
beforeAll(async () => {
  server = await startSeparateServer();
  openai = new OpenAI({ apiKey: "not-used", baseURL: server.baseURL });
});
afterAll(() => server.close());

it("comes in one form, and one byte more is refused", async () => {
  await uploadLarge(server.baseURL, 4 * mebibyte);
  const before = await server.peakBytes();
  const { id, bytes, md5 } = await uploadLarge(server.baseURL, sizeBytes);
  expect(bytes).toBe(sizeBytes);
  expect(await md5OfContent(server.baseURL, id)).toBe(md5);
  await expect(uploadLarge(server.baseURL, sizeBytes + 1)).rejects.toThrow(/^413: .*larger than 536870912 bytes/);
  expect((await server.peakBytes()) - before).toBeLessThan(allowedGrowth);
  await openai.files.delete(id);
});

/** The same bytes in pieces of one size. */
async function* inParts(): AsyncGenerator<Buffer<ArrayBuffer>> {
  let held: Buffer<ArrayBuffer> = Buffer.alloc(0);
  for await (const chunk of jsonlBytes(sizeBytes)) {
    held = Buffer.concat([held, chunk]);
    for (; held.length >= partBytes; held = held.subarray(partBytes)) yield Buffer.from(held.subarray(0, partBytes));
  }
}

it("comes in parts that are sent two at a time", async () => {
  const before = await server.peakBytes();
  const upload = await openai.uploads.create({
    ...{ bytes: sizeBytes, filename: "large.jsonl", mime_type: "text/jsonl", purpose: "fine-tune" },
  });
  const hash = createHash("md5");
  const ids: string[] = [];
  const parts = inParts();
  const send = async (data: Buffer<ArrayBuffer>) =>
    (await openai.uploads.parts.create(upload.id, { data: await toFile(data, "part") })).id;
  for (let first = await parts.next(); !first.done; first = await parts.next()) {
    const second = await parts.next();
    const both = second.done ? [first.value] : [first.value, second.value];
    for (const part of both) hash.update(part);
    ids.push(...(await Promise.all(both.map(send))));
  }
  const md5 = hash.digest("hex");
  const { status, file } = await openai.uploads.complete(upload.id, { part_ids: ids, md5 });
  expect([status, file!.bytes, ids.length]).toEqual(["completed", sizeBytes, 8]);
  expect(await md5OfContent(server.baseURL, file!.id)).toBe(md5);
  expect((await server.peakBytes()) - before).toBeLessThan(allowedGrowth);
  await openai.files.delete(file!.id);
});
