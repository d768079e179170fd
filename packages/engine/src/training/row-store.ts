/** Keeps an array of numbers for each row: in memory as long as a budget lasts, then in a file, then not at all. */
import type { FileHandle } from "node:fs/promises";
import { open, rm } from "node:fs/promises";

export interface RowStoreOptions {
  /** Numbers of one row. */
  length: number;
  /** Bytes kept in memory at most. */
  memoryBytes: number;
  /** Bytes kept in the file at most. */
  diskBytes: number;
  /** Where the file is made when it is needed, in a directory that exists. It is taken out of there at once. */
  path: string;
}

export interface RowStore<Row> {
  /** What was kept, in an array that is the caller's until the next call; null when nothing was. */
  get(row: Row): Promise<Float32Array | null>;
  /** Keeps a copy if there is room. A disk that takes no more is no error: what is not kept is computed again. */
  set(row: Row, data: Float32Array): Promise<void>;
  release(): Promise<void>;
}

export function createRowStore<Row>({ length, memoryBytes, diskBytes, path }: RowStoreOptions): RowStore<Row> {
  const rowBytes = 4 * length;
  const inMemory = new Map<Row, Float32Array>();
  const places = new Map<Row, number>();
  const read = new Float32Array(length);
  let memoryRows = Math.floor(memoryBytes / rowBytes);
  let diskRows = Math.floor(diskBytes / rowBytes);
  let file: FileHandle | null = null;

  async function writeRow(row: Row, data: Float32Array): Promise<void> {
    file ??= await openFresh(path);
    const place = places.size;
    const { bytesWritten } = await file.write(bytesOf(data), 0, rowBytes, place * rowBytes);
    if (bytesWritten < rowBytes) diskRows = 0;
    else places.set(row, place);
  }

  return {
    async get(row) {
      const kept = inMemory.get(row);
      const place = places.get(row);
      if (kept !== undefined || place === undefined) return kept ?? null;
      const { bytesRead } = await file!.read(bytesOf(read), 0, rowBytes, place * rowBytes);
      return bytesRead === rowBytes ? read : null;
    },
    async set(row, data) {
      if (memoryRows > 0) {
        memoryRows--;
        inMemory.set(row, data.slice());
      } else if (places.size < diskRows) {
        await writeRow(row, data).catch(() => {
          diskRows = 0;
        });
      }
    },
    async release() {
      inMemory.clear();
      await file?.close();
    },
  };
}

/** Open without a name, so that nothing stays behind however the process ends. */
async function openFresh(path: string): Promise<FileHandle> {
  const file = await open(path, "w+");
  await rm(path);
  return file;
}

const bytesOf = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
