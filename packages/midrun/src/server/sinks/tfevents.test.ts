import { describe, expect, it } from "vitest";
import { crc32c, maskedCrc32c } from "./crc32c.ts";
import { encodeScalars, fileVersion } from "./tfevents.ts";

describe("crc32c", () => {
  // RFC 3720, appendix B.4, and the check value of the polynomial's catalogue.
  it.each([
    [Buffer.from("123456789"), 0xe3069283],
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    [Buffer.alloc(0), 0],
  ])("gives the published value of %#", (bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it("is masked as TFRecord asks", () => {
    expect(maskedCrc32c(Buffer.alloc(0))).toBe(0xa282ead8);
    expect(maskedCrc32c(Buffer.from("123456789"))).toBe(maskOf(0xe3069283));
  });
});

/** By the formula, in exact arithmetic. */
function maskOf(crc: number): number {
  const wide = BigInt(crc);
  return Number((((wide >> 15n) | (wide << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

describe("event files", () => {
  it("are the bytes that TensorBoard's own writer makes", () => {
    const scalars = [
      ["train/loss", 1.5],
      ["speed/gflops", 240.125],
    ] as const;
    const bytes = Buffer.concat([
      fileVersion(1763640000.5),
      encodeScalars({ wallTime: 1763640001.25, step: 300, scalars }),
    ]);
    // tensorboard 2.21: RecordWriter over the same two Events.
    expect(bytes.toString("hex")).toBe(
      "1800000000000000a37f4b2209000020b0c047da411a0d627261696e2e4576656e743a329bde719836000000000000004f578cef" +
        "09000050b0c047da4110ac022a280a110a0a747261696e2f6c6f7373150000c03f0a130a0c73706565642f67666c6f70731500207043b2fdbfee",
    );
  });
});
