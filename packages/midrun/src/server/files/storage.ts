/** Where the bytes of files lie. `disk-storage.ts` and `memory-storage.ts` are the two kinds. */
import { MidrunError } from "../../errors.ts";

export interface Written {
  bytes: number;
  /** Hexadecimal, lower case. */
  md5: string;
}

export interface FileStorage {
  /**
   * Keeps these bytes under a name of letters, digits, `-` and `_`, in place of older ones, all of them or nothing. Throws
   * `payload_too_large` for more than `maxBytes`, and what the chunks throw.
   */
  write(name: string, chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Written>;
  /** Throws `file_not_found` on the first read. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** Nothing happens when there is nothing. */
  remove(name: string): Promise<void>;
  /**
   * Removes what a killed process left: writes that never ended, and content that nobody asks for. Called before anything is
   * written.
   */
  sweep(isWanted: (name: string) => Promise<boolean>): Promise<void>;
  /** Absolute path for a runner. */
  pathOf(name: string): string;
}

export const missing = (name: string, cause?: unknown) =>
  new MidrunError("file_not_found", `The content of file ${name} is gone.`, { param: "id", cause });

/** Gives the chunks again. Throws `payload_too_large` when they are more than so many bytes. */
export async function* limited(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      throw new MidrunError("payload_too_large", `The content is larger than ${maxBytes} bytes.`, {
        hint: "Send it in parts through /v1/uploads, or split it into several files.",
      });
    }
    yield chunk;
  }
}
