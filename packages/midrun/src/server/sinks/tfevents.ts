/** TensorBoard's event files: protocol buffers of the message `Event`, each in a TFRecord. */
import { maskedCrc32c } from "./crc32c.ts";

export interface ScalarEvent {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  scalars: readonly (readonly [tag: string, value: number])[];
}

/** The only wire types that these messages need. */
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

const key = (field: number, type: (typeof wire)[keyof typeof wire]) => varint((field << 3) | type);

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, wire.fixed64), bytes]);
}

function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, wire.fixed32), bytes]);
}

const int64 = (field: number, value: number) => Buffer.concat([key(field, wire.varint), varint(value)]);

function bytesField(field: number, content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([key(field, wire.bytes), varint(bytes.length), bytes]);
}

/** Length, its checksum, the data, its checksum. */
function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  const [lengthCrc, dataCrc] = [length, data].map((bytes) => {
    const crc = Buffer.alloc(4);
    crc.writeUInt32LE(maskedCrc32c(bytes));
    return crc;
  }) as [Buffer, Buffer];
  return Buffer.concat([length, lengthCrc, data, dataCrc]);
}

/** The record that every event file begins with. */
export const fileVersion = (wallTime: number): Buffer =>
  record(Buffer.concat([double(1, wallTime), bytesField(3, "brain.Event:2")]));

/** `Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }`. */
export function encodeScalars({ wallTime, step, scalars }: ScalarEvent): Buffer {
  const values = scalars.map(([tag, value]) => bytesField(1, Buffer.concat([bytesField(1, tag), float(2, value)])));
  return record(Buffer.concat([double(1, wallTime), int64(2, step), bytesField(5, Buffer.concat(values))]));
}
