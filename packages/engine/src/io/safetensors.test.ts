import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSafetensors, type TensorToWrite, writeSafetensors } from "./safetensors.ts";
import { makeTempDir } from "./testing-dirs.ts";
import { makeFaultyFileSystem } from "./testing-faults.ts";

/** Written by the safetensors 0.8.0 Python package with PyTorch tensors. */
const official =
  "OAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJhIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpb" +
  "MCw0XX0sImIiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzQsMjhdfSwic2NhbGFyIjp7ImR0eXBlIjoiRjMyIiwi" +
  "c2hhcGUiOltdLCJkYXRhX29mZnNldHMiOlsyOCwzMl19LCJjIjp7ImR0eXBlIjoiQkYxNiIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzMyLDM4" +
  "XX0sImQiOnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOlszOCw0Ml19fSDNzMw9AACAPwAAAEAAAEBAAACAwAAAsEAAAMBA" +
  "AADgQIA/AMBJQFU1/3s=";

const officialTensors: TensorToWrite[] = [
  { name: "d", shape: [2], data: Float32Array.of(0.333251953125, 65504), dtype: "F16" },
  { name: "scalar", shape: [], data: Float32Array.of(7) },
  { name: "b", shape: [2, 3], data: Float32Array.of(1, 2, 3, -4, 5.5, 6) },
  { name: "c", shape: [3], data: Float32Array.of(1, -2, 3.140625), dtype: "BF16" },
  { name: "a", shape: [1], data: async () => Float32Array.of(0.1) },
];

/** A file with this header and so many bytes of data. */
function craft(header: unknown, dataBytes: number): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

async function put(bytes: Uint8Array): Promise<string> {
  const path = join(await makeTempDir(), "model.safetensors");
  await writeFile(path, bytes);
  return path;
}

test("writes the very bytes that the official library writes, whatever the order of the tensors", async () => {
  const path = join(await makeTempDir(), "x.safetensors");
  await writeSafetensors(path, officialTensors, { format: "pt" });
  expect((await readFile(path)).toString("base64")).toBe(official);
  await writeSafetensors(path, officialTensors.toReversed(), { format: "pt" });
  expect((await readFile(path)).toString("base64")).toBe(official);
});

test("reads what the official library wrote", async () => {
  const file = await openSafetensors(await put(Buffer.from(official, "base64")));
  expect(file.metadata).toEqual({ format: "pt" });
  expect(file.tensors.get("b")).toMatchObject({ dtype: "F32", shape: [2, 3] });
  for (const { name, data } of officialTensors)
    expect(await file.read(name)).toEqual(typeof data === "function" ? await data() : data);
  expect([...(await file.readBytes("c"))]).toEqual([0x80, 0x3f, 0x00, 0xc0, 0x49, 0x40]);
  await file.close();
});

test("reads F64 as float32 and a tensor without elements", async () => {
  const header = { e: { dtype: "F32", shape: [0, 4], data_offsets: [8, 8] }, x: tensor("F64", [1], 0, 8) };
  const bytes = craft(header, 8);
  bytes.writeDoubleLE(Math.PI, bytes.length - 8);
  const file = await openSafetensors(await put(bytes));
  expect([...(await file.read("x"))]).toEqual([Math.fround(Math.PI)]);
  expect(await file.read("e")).toHaveLength(0);
  await file.close();
});

test("refuses to read a dtype it has no floats for, naming tensor and dtype", async () => {
  const file = await openSafetensors(await put(craft({ q: tensor("I8", [2], 0, 2) }, 2)));
  await expect(file.read("q")).rejects.toMatchObject({
    code: "not_supported",
    message: expect.stringMatching(/"q" is stored as I8/),
  });
  await expect(file.read("missing")).rejects.toMatchObject({ code: "invalid_model" });
  await file.close();
});

const tensor = (dtype: string, shape: unknown, begin: unknown, end: unknown) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});
const w = tensor("F32", [2], 0, 8);

test.each<[string, Buffer, RegExp]>([
  ["an empty file", Buffer.alloc(0), /holds 0 bytes/],
  ["a pickle", Buffer.from("PK\x03\x04 some zip archive of PyTorch"), /not a safetensors file/],
  ["a header longer than the file", craft({ w }, 8).subarray(0, 20), /holds 20 bytes in all/],
  ["a header that is not JSON", craft("{oops", 0), /not JSON/],
  ["a header that is not UTF-8", craft("{}", 0).fill(0xff, 8), /not JSON/],
  ["a header that is an array", craft([], 0), /not a JSON object/],
  ["metadata that is not strings", craft({ __metadata__: { a: 1 } }, 0), /__metadata__/],
  ["a tensor that is null", craft({ w: null }, 0), /"w" has no description/],
  ["an unknown dtype", craft({ w: tensor("F12", [2], 0, 8) }, 8), /"w" has the unknown dtype "F12"/],
  ["a dtype from Object.prototype", craft({ w: tensor("toString", [2], 0, 8) }, 8), /unknown dtype/],
  ["a negative dimension", craft({ w: tensor("F32", [-2], 0, 8) }, 8), /"w" has the shape \[-2\]/],
  ["a fractional dimension", craft({ w: tensor("F32", [0.5], 0, 2) }, 2), /"w" has the shape/],
  ["offsets the wrong way round", craft({ w: tensor("F32", [2], 8, 0) }, 8), /data_offsets \[8,0\]/],
  ["offsets that do not fit the shape", craft({ w: tensor("F32", [3], 0, 8) }, 8), /takes 12 bytes .* hold 8/],
  ["a cut end", craft({ w }, 7), /"w" ends at byte 8 of the data, but the file holds only 7/],
  ["bytes behind the last tensor", craft({ w }, 9), /holds 9 bytes of data, its tensors only 8/],
  ["overlapping tensors", craft({ w, v: tensor("F32", [1], 4, 8) }, 8), /"v" starts at byte 4, inside/],
  ["a gap", craft({ w, v: tensor("F32", [1], 12, 16) }, 16), /8\.\.12 before tensor "v"/],
])("refuses %s, naming the file and the fix", async (_, bytes, message) => {
  const path = await put(bytes);
  await expect(openSafetensors(path)).rejects.toMatchObject({
    code: "invalid_model",
    message: expect.stringMatching(message),
    param: path,
    hint: expect.stringContaining("Fetch the file again"),
  });
});

test("finds any cut of a real file", async () => {
  const whole = Buffer.from(official, "base64");
  const dir = await makeTempDir();
  for (const length of [1, 7, 8, 9, 319, 320, 321, whole.length - 1]) {
    const path = join(dir, `${length}.safetensors`);
    await writeFile(path, whole.subarray(0, length));
    await expect(openSafetensors(path), `cut at ${length}`).rejects.toMatchObject({ code: "invalid_model" });
  }
});

test("says that a file does not exist", async () => {
  const path = join(await makeTempDir(), "none.safetensors");
  await expect(openSafetensors(path)).rejects.toMatchObject({
    code: "invalid_model",
    message: expect.stringMatching(/there is no such file/),
  });
});

test("refuses to write data that does not fit its shape, and a name twice", async () => {
  const path = join(await makeTempDir(), "x.safetensors");
  const short = { name: "a", shape: [2, 2], data: new Float32Array(3) };
  await expect(writeSafetensors(path, [short])).rejects.toThrow('"a" has 3 values for the shape [2,2]');
  const twice = { name: "a", shape: [1], data: new Float32Array(1) };
  await expect(writeSafetensors(path, [twice, twice])).rejects.toThrow('"a" would be written twice');
});

test("a disk that takes a few bytes at a time gets the whole file", async () => {
  const path = join(await makeTempDir(), "x.safetensors");
  const { fs } = makeFaultyFileSystem({ maxWriteBytes: 5 });
  await writeSafetensors(path, officialTensors, { format: "pt" }, fs);
  expect((await readFile(path)).toString("base64")).toBe(official);
});

test("a full disk is an error that says so", async () => {
  const path = join(await makeTempDir(), "x.safetensors");
  const { fs } = makeFaultyFileSystem({ failAt: 2 });
  await expect(writeSafetensors(path, officialTensors, {}, fs)).rejects.toMatchObject({
    code: "disk_full",
    message: expect.stringContaining(path),
    hint: expect.stringContaining("disk is full"),
  });
});
