/** Reads and writes safetensors files (little-endian, as every platform that Node runs on). */

import type { FileHandle } from "node:fs/promises";
import { EngineError, sizeOf } from "../util.ts";
import { errnoOf, type FileSystem, nodeFileSystem, toIoError, writeFully } from "./file-system.ts";
import { fromBF16, fromF16, toBF16, toF16 } from "./float.ts";
import {
  badFile,
  byteSizeOf,
  type Dtype,
  encodeHeader,
  LENGTH_BYTES,
  parseHeader,
  parseHeaderLength,
  type SafetensorsHeader,
  type TensorEntry,
} from "./safetensors-header.ts";

/** An open file. Reads may run side by side; `close` it when done. */
export interface SafetensorsFile {
  readonly path: string;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, { dtype: Dtype; shape: readonly number[] }>;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * A tensor's values, row by row, or those numbered from `part.start` up to `part.end`. Reads F32, F16, BF16 and F64 (rounded to float32);
   * throws `not_supported` for the rest.
   */
  read(name: string, part?: Part): Promise<Float32Array>;
  /** A tensor's bytes as they are on disk, at offset 0 of a buffer of their own. */
  readBytes(name: string): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Some of a tensor's values in row-major order: from number `start` up to, without, number `end`. */
export interface Part {
  start: number;
  end: number;
}

/** A tensor to be written. Give `data` as a function to make values only when their turn comes. */
export interface TensorToWrite {
  name: string;
  shape: readonly number[];
  data: Float32Array | (() => Float32Array | Promise<Float32Array>);
  /** What to store; 16-bit formats round to nearest even. Default F32. */
  dtype?: WritableDtype;
}

/** A tensor of any type, as the bytes that another file holds. */
export interface BytesToWrite {
  name: string;
  shape: readonly number[];
  dtype: Dtype;
  bytes: () => Promise<Uint8Array>;
}

export type WritableDtype = "F32" | "F16" | "BF16";

const decoders: Partial<Record<Dtype, (bytes: ArrayBuffer) => Float32Array>> = {
  F64: (bytes) => new Float32Array(new Float64Array(bytes)),
  F32: (bytes) => new Float32Array(bytes),
  F16: (bytes) => fromF16(new Uint16Array(bytes)),
  BF16: (bytes) => fromBF16(new Uint16Array(bytes)),
};

const encoders: Record<WritableDtype, (values: Float32Array) => ArrayBufferView> = {
  F32: (values) => values,
  F16: toF16,
  BF16: toBF16,
};

const MAX_READ_BYTES = 2 ** 28; // one system call moves at most 2^31 - 1 bytes

/**
 * Opens a safetensors file and checks its whole header, so that a file that was cut short is found here.
 * Throws `invalid_model`, naming the file, the tensor and the bytes expected and found; `io` when it cannot be read.
 */
export async function openSafetensors(path: string, fs: FileSystem = nodeFileSystem): Promise<SafetensorsFile> {
  const handle = await fs.open(path, "r").catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw toIoError(error, `Cannot open ${path}`);
    throw badFile(path, "there is no such file.", "Check that the model's or adapter's download or copy is complete.");
  });
  try {
    const { header, dataStart } = await readHeader(handle, path);
    return toFile(path, handle, header, dataStart);
  } catch (error) {
    await handle.close();
    throw toIoError(error, `Cannot read ${path}`);
  }
}

async function readHeader(handle: FileHandle, path: string) {
  const fileBytes = (await handle.stat()).size;
  const start = await readRange(handle, path, 0, Math.min(LENGTH_BYTES, fileBytes));
  const dataStart = LENGTH_BYTES + parseHeaderLength(start, fileBytes, path);
  const json = await readRange(handle, path, LENGTH_BYTES, dataStart);
  return { header: parseHeader(json, fileBytes - dataStart, path), dataStart };
}

function toFile(path: string, handle: FileHandle, header: SafetensorsHeader, dataStart: number): SafetensorsFile {
  const { tensors, metadata } = header;
  const entryOf = (name: string): TensorEntry => {
    const entry = tensors.get(name);
    if (!entry) throw badFile(path, `holds no tensor ${JSON.stringify(name)}.`, "Is it the file of another model?");
    return entry;
  };
  const readBytes = async (name: string, part?: Part) => {
    const { begin, end, dtype } = entryOf(name);
    const size = byteSizeOf(dtype, []);
    const [from, to] = part === undefined ? [begin, end] : [begin + size * part.start, begin + size * part.end];
    return readRange(handle, path, dataStart + from, dataStart + Math.min(to, end));
  };
  const read = async (name: string, part?: Part) => {
    const { dtype } = entryOf(name);
    const decode = decoders[dtype];
    if (!decode) throw unreadable(path, name, dtype);
    return decode((await readBytes(name, part)).buffer);
  };
  return { path, tensors, metadata, read, readBytes, close: () => handle.close() };
}

function unreadable(path: string, name: string, dtype: Dtype): EngineError {
  const readable = Object.keys(decoders).join(", ");
  return new EngineError(
    "not_supported",
    `${path}: tensor "${name}" is stored as ${dtype}; readable are ${readable}.`,
    {
      param: name,
      hint: "Use the model's unquantized version.",
    },
  );
}

async function readRange(handle: FileHandle, path: string, begin: number, end: number) {
  const bytes = new Uint8Array(end - begin);
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(bytes.length - at, MAX_READ_BYTES);
    const { bytesRead } = await handle.read(bytes, at, length, begin + at);
    if (bytesRead === 0) throw badFile(path, `ends at byte ${begin + at} while bytes up to ${end} are being read.`);
    at += bytesRead;
  }
  return bytes;
}

/**
 * Writes a safetensors file and fsyncs it. Equal input gives equal bytes whatever its order: tensors are stored by dtype, widest
 * first, then by name. Not atomic: write into a directory of `writeDirAtomically`. Throws `io`; `internal` when data and
 * shape disagree or a name comes twice.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite | BytesToWrite>,
  metadata: Record<string, string> = {},
  fs: FileSystem = nodeFileSystem,
): Promise<void> {
  const sorted = [...tensors].sort(compareTensors);
  const header = encodeHeader({ metadata, tensors: layOut(sorted) });
  try {
    const handle = await fs.open(path, "w");
    try {
      await writeFully(handle, header);
      for (const tensor of sorted) await writeFully(handle, await bytesOf(tensor));
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw toIoError(error, `Cannot write ${path}`);
  }
}

const dtypeOf = (tensor: TensorToWrite | BytesToWrite): Dtype => tensor.dtype ?? "F32";

const compareTensors = (a: TensorToWrite | BytesToWrite, b: TensorToWrite | BytesToWrite) =>
  byteSizeOf(dtypeOf(b), []) - byteSizeOf(dtypeOf(a), []) ||
  (dtypeOf(a) === dtypeOf(b) ? 0 : dtypeOf(a) < dtypeOf(b) ? -1 : 1) ||
  (a.name < b.name ? -1 : 1);

function layOut(tensors: (TensorToWrite | BytesToWrite)[]): Map<string, TensorEntry> {
  const entries = new Map<string, TensorEntry>();
  let begin = 0;
  for (const tensor of tensors) {
    const { name, shape } = tensor;
    if (entries.has(name)) throw new EngineError("internal", `Tensor "${name}" would be written twice.`);
    const dtype = dtypeOf(tensor);
    const end = begin + byteSizeOf(dtype, shape);
    entries.set(name, { dtype, shape, begin, end });
    begin = end;
  }
  return entries;
}

async function bytesOf(tensor: TensorToWrite | BytesToWrite): Promise<Uint8Array> {
  if ("data" in tensor) return encode(tensor);
  const { name, shape, dtype } = tensor;
  const bytes = await tensor.bytes();
  const expected = byteSizeOf(dtype, shape);
  if (bytes.length === expected) return bytes;
  throw new EngineError(
    "internal",
    `Tensor "${name}" has ${bytes.length} bytes; ${dtype} [${shape}] takes ${expected}.`,
  );
}

async function encode({ name, shape, data, dtype = "F32" }: TensorToWrite): Promise<Uint8Array> {
  const values = typeof data === "function" ? await data() : data;
  if (values.length !== sizeOf(shape))
    throw new EngineError("internal", `Tensor "${name}" has ${values.length} values for the shape [${shape}].`);
  const view = encoders[dtype](values);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
