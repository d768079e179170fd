/** Forms as every client sends them, and as none should. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiskStorage } from "../files/disk-storage.ts";
import { createOpenAITest, type OpenAITest } from "../testing-openai.ts";
import { damage, expectAnswer, expectNoGrowth, fuzzRuns, inPieces, pieceSizes, streamed } from "./testing-fuzz.ts";

let t: OpenAITest;
beforeEach(() => {
  t = createOpenAITest({ maxFileBytes: 4096 });
});
afterEach(async () => {
  await t.close();
  expect(t.errors).toEqual([]);
});

interface FormPart {
  name: string;
  filename: string | null;
  content: Buffer;
}

/** How the clients write the headers of a part. */
const styles: Record<string, (part: FormPart) => string[]> = {
  node: ({ name, filename }) => [
    `Content-Disposition: form-data; name="${name}"${filename === null ? "" : `; filename="${filename}"`}`,
    ...(filename === null ? [] : ["Content-Type: application/octet-stream"]),
  ],
  python: ({ name, filename }) => [
    `content-disposition: form-data; name="${name}"${filename === null ? "" : `; filename="${filename}"`}`,
  ],
  hackney: ({ name, filename, content }) => [
    `content-length: ${content.length}`,
    `content-disposition: form-data; name=${name}${filename === null ? "" : `; filename=${filename}`}`,
    "content-type: application/octet-stream",
  ],
  extended: ({ name, filename }) => [
    `Content-Disposition: form-data; name="${name}"${filename === null ? "" : `; filename*=UTF-8''${encodeURIComponent(filename)}`}`,
  ],
};

function toBody(parts: readonly FormPart[], style: string, boundary: string): Buffer {
  const written = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\n${styles[style]!(part).join("\r\n")}\r\n\r\n`),
    part.content,
    Buffer.from("\r\n"),
  ]);
  return Buffer.concat([...written, Buffer.from(`--${boundary}--\r\n`)]);
}

const boundary = fc.constantFrom("B", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "0123456789abcdef", "a'b(c)+_,-./:=?");
const style = fc.constantFrom(...Object.keys(styles));
const text = (name: string, value: string): FormPart => ({ name, filename: null, content: Buffer.from(value) });

const content = fc.oneof(
  fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  fc.array(fc.constantFrom("\r\n", "--", "B", "--B", "\r\n--B", "{", "\0", "é"), { maxLength: 20 }).map((pieces) => {
    return Buffer.from(pieces.join(""));
  }),
  fc.json().map((json) => Buffer.from(`{"a":${json}}\n`)),
);

/** A delimiter inside the content ends the part, as it must. */
const isFree = (bytes: Buffer, mark: string) => !`\r\n${bytes.toString("latin1")}\r\n`.includes(`\r\n--${mark}`);

const filename = fc.oneof(fc.constant(null), fc.stringMatching(/^[\w.-]{1,20}$/));

const send = (path: string, body: Buffer, contentType: string, sizes: readonly number[]) =>
  t.fetch(path, {
    method: "POST",
    headers: { "content-type": contentType },
    ...streamed(inPieces(body, sizes)),
  });

/** Nothing is left of a file that was refused or deleted. */
async function expectNothingKept(): Promise<void> {
  const names: string[] = [];
  await t.files.sweep(async (name) => names.push(name) > 0);
  expect(names).toEqual([]);
  expect((await t.openai.files.list()).data).toEqual([]);
}

async function keepNothing(made: unknown): Promise<void> {
  const id = (made as { id: string } | null)?.id;
  if (id?.startsWith("file-")) await t.openai.files.delete(id);
}

describe("forms", { timeout: 300_000 }, () => {
  it("of every client come in whole, whatever their order, names and pieces", async () => {
    const shapes = fc.record({ boundary, style, content, filename, sizes: pieceSizes, fileFirst: fc.boolean() });
    await expectNoGrowth(() =>
      fc.assert(
        fc.asyncProperty(shapes, async ({ boundary: mark, style: by, content: bytes, filename: name, ...shape }) => {
          fc.pre(isFree(bytes, mark));
          const file: FormPart = { name: "file", filename: name, content: bytes };
          const fields = [text("purpose", "user_data"), text("expires_after[anchor]", "created_at")];
          const parts = [...fields, text("expires_after[seconds]", "3600")];
          const body = toBody(shape.fileFirst ? [file, ...parts] : [...parts, file], by, mark);
          const type = `multipart/form-data; boundary="${mark}"`;
          const made = await expectAnswer(await send("/v1/files", body, type, shape.sizes));
          expect(made).toMatchObject({ bytes: bytes.length, filename: name ?? "upload.jsonl" });
          const { id } = made as { id: string };
          const kept = await (await t.openai.files.content(id)).arrayBuffer();
          expect(Buffer.from(kept).equals(bytes)).toBe(true);
          await keepNothing(made);
        }),
        fuzzRuns(20261120),
      ),
    );
    await expectNothingKept();
  });

  it("that are damaged, doubled, mislabelled or huge are read or refused, and leave nothing behind", async () => {
    const strange = fc.record({
      name: fc.oneof(
        fc.constantFrom("file", "data", "purpose", "expires_after[seconds]", "__proto__", ""),
        fc.string(),
      ),
      filename: fc.oneof(filename, fc.string({ maxLength: 300 }), fc.constant("../../../etc/passwd")),
      content: fc.oneof(
        content,
        fc.constantFrom("fine-tune", "batch", "x".repeat(5000)).map((each) => Buffer.from(each)),
      ),
    });
    const sound = content.map((bytes): FormPart[] => [
      { name: "file", filename: "f", content: bytes },
      text("purpose", "batch"),
    ]);
    const shapes = fc.record({
      parts: fc.tuple(sound, fc.array(strange, { maxLength: 2 })).chain(([first, more]) => {
        return fc.shuffledSubarray([...first, ...more], { minLength: 1 });
      }),
      style,
      boundary,
      damage,
      contentType: fc.oneof(
        { weight: 12, arbitrary: fc.constant(null) },
        {
          weight: 1,
          arbitrary: fc.constantFrom("multipart/form-data", "text/plain", "multipart/form-data; boundary=other"),
        },
        { weight: 1, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 40 }).map((each) => each.trim()) },
      ),
      headers: fc.constantFrom("", "", "", "X-Pad: ".padEnd(20_000, "x"), "\r\n", "no colon"),
      lineEnd: fc.constantFrom("\r\n", "\r\n", "\r\n", "\r\n", "\n"),
      path: fc.constantFrom("/v1/files", "/v1/files", "/v1/uploads/upload_x/parts"),
      sizes: pieceSizes,
    });
    const outcomes = { read: 0, refused: 0 };
    await expectNoGrowth(() =>
      fc.assert(
        fc.asyncProperty(shapes, async ({ parts, style: by, boundary: mark, damage: hurt, contentType, ...shape }) => {
          const written = toBody(parts, by, mark).toString("latin1");
          const padded = written.replace("\r\n\r\n", `\r\n${shape.headers}\r\n\r\n`).replaceAll("\r\n", shape.lineEnd);
          const body = hurt(Buffer.from(padded, "latin1"));
          const type = contentType ?? `multipart/form-data; boundary=${mark}`;
          const made = await expectAnswer(await send(shape.path, body, type, shape.sizes));
          outcomes[made ? "read" : "refused"]++;
          await keepNothing(made);
        }),
        fuzzRuns(20261121),
      ),
    );
    // Else it would be one mistake that is tested, over and over.
    expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(50);
    await expectNothingKept();
  });

  it("whose sender goes away in the middle leave nothing behind on disk", async () => {
    const dir = await mkdtemp(join(tmpdir(), "midrun-fuzz-"));
    t = createOpenAITest({ files: createDiskStorage(dir) });
    const shapes = fc.record({ content, style, at: fc.double({ min: 0, max: 1, noNaN: true }), sizes: pieceSizes });
    await expectNoGrowth(() =>
      fc.assert(
        fc.asyncProperty(shapes, async ({ content: bytes, style: by, at, sizes }) => {
          const whole = toBody([text("purpose", "batch"), { name: "file", filename: "f", content: bytes }], by, "B");
          const begun = whole.subarray(0, Math.floor(at * (whole.length - 20)));
          const broken = (async function* () {
            yield* inPieces(begun, sizes);
            throw new Error("connection reset");
          })();
          const headers = { "content-type": "multipart/form-data; boundary=B" };
          const response = await t.fetch("/v1/files", { method: "POST", headers, ...streamed(broken) });
          expect([response.status, await response.json()]).toMatchObject([503, { error: { code: "aborted" } }]);
        }),
        fuzzRuns(20261122),
      ),
    );
    expect(await readdir(dir)).toEqual([]);
    await rm(dir, { recursive: true });
  });
});
