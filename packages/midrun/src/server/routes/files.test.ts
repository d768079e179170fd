import { createHash } from "node:crypto";
import { toFile } from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TestAppOptions } from "../../testing.ts";
import { chatRows, collect, createOpenAITest, type OpenAITest, toJsonl } from "../testing-openai.ts";

const apps: OpenAITest[] = [];
function setUp(options?: TestAppOptions): OpenAITest {
  const test = createOpenAITest(options);
  apps.push(test);
  return test;
}

let t: OpenAITest;
beforeEach(() => {
  t = setUp();
});
afterEach(async () => {
  for (const { close, errors } of apps.splice(0)) {
    await close();
    expect(errors).toEqual([]);
  }
});

const jsonl = '{"prompt": "a", "completion": "naïve"}\n';

describe("files", () => {
  it("come back as they were sent", async () => {
    const bytes = Uint8Array.from({ length: 3000 }, (_, i) => i % 256);
    const file = await t.openai.files.create({ file: new File([bytes], "ü.bin"), purpose: "user_data" });
    expect(file).toEqual({
      id: expect.stringMatching(/^file-[0-9A-Za-z]{24}$/),
      object: "file",
      bytes: 3000,
      created_at: 1767225600,
      filename: "ü.bin",
      purpose: "user_data",
      status: "processed",
    });
    const content = await t.openai.files.content(file.id);
    expect(new Uint8Array(await content.arrayBuffer())).toEqual(bytes);
    expect(await t.openai.files.retrieve(file.id)).toEqual(file);
    expect(await t.openai.files.waitForProcessing(file.id)).toEqual(file);
  });

  it("for fine-tuning are JSONL, of a single line if need be", async () => {
    const file = new File([jsonl], "one.jsonl");
    expect(await t.openai.files.create({ file, purpose: "fine-tune" })).toMatchObject({ filename: "one.jsonl" });
  });

  it.each([
    ["[1]\n", /every line is a valid JSON dictionary\. Line 1 is not a dictionary \(HINT: line starts with: "\[1\]"\)/],
    [`${jsonl}\n{"half": `, /Line 3 is not a dictionary \(HINT: line starts with/],
    ["\n \n", /it has no lines/],
  ])("for fine-tuning are refused when they are %j, and not kept", async (text, message) => {
    const file = new File([text], "bad.jsonl");
    await expect(t.openai.files.create({ file, purpose: "fine-tune" })).rejects.toMatchObject({
      status: 400,
      type: "invalid_request_error",
      message: expect.stringMatching(message),
    });
    expect((await t.openai.files.list()).data).toEqual([]);
  });

  it("that are not UTF-8 are refused for fine-tuning", async () => {
    const file = new File([Uint8Array.from([0x7b, 0xff, 0x7d])], "latin.jsonl");
    await expect(t.openai.files.create({ file, purpose: "fine-tune" })).rejects.toThrow(
      /Line 1 .*it is not UTF-8 text/,
    );
  });

  it("are listed by purpose, in pages, either way round", async () => {
    const ids: string[] = [];
    for (const name of ["a", "b", "c"]) ids.push(await t.upload(chatRows(1), name));
    const other = await t.openai.files.create({ file: new File(["x"], "x"), purpose: "batch" });
    expect((await collect(t.openai.files.list({ limit: 2 }))).map(({ id }) => id)).toEqual([
      other.id,
      ...ids.toReversed(),
    ]);
    const asked = { purpose: "fine-tune", order: "asc", limit: 1 } as const;
    expect((await collect(t.openai.files.list(asked))).map(({ id }) => id)).toEqual(ids);
    const page = (await t.send("GET", "/v1/files?limit=2&purpose=fine-tune")).body;
    expect(page).toMatchObject({ object: "list", first_id: ids[2], last_id: ids[1], has_more: true });
    expect((await t.send("GET", "/v1/files?after=file-x")).body).toEqual({
      ...{ object: "list", data: [], has_more: false, first_id: "", last_id: "" },
    });
    expect((await t.send("GET", "/v1/files?order=up")).status).toBe(400);
  });

  it("are deleted with their content, once", async () => {
    const id = await t.upload(chatRows(1));
    expect(await t.openai.files.delete(id)).toEqual({ id, object: "file", deleted: true });
    for (const call of [t.openai.files.retrieve(id), t.openai.files.delete(id), t.openai.files.content(id)]) {
      await expect(call).rejects.toMatchObject({ status: 404, param: "id", code: null });
    }
    await expect(t.openai.files.retrieve(id)).rejects.toThrow(`404 No such File object: ${id}`);
  });

  it("expire when they should", async () => {
    const expires_after = { anchor: "created_at", seconds: 3600 } as const;
    const file = new File([jsonl], "a.jsonl");
    const { id, expires_at } = await t.openai.files.create({ file, purpose: "fine-tune", expires_after });
    expect(expires_at).toBe(1767225600 + 3600);
    t.clock.advance(3_599_000);
    await t.openai.files.retrieve(id);
    t.clock.advance(1000);
    await expect(t.openai.files.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });

  it.each([
    ["no purpose", { file: "x" }, "purpose", "missing_required_parameter"],
    ["an unknown purpose", { file: "x", purpose: "fun" }, "purpose", "invalid_value"],
    ["no file", { purpose: "fine-tune" }, "file", "missing_required_parameter"],
    [
      "a short life",
      { file: "x", purpose: "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "5" },
      "expires_after.seconds",
      "integer_below_min_value",
    ],
    [
      "a life without end",
      { file: "x", purpose: "batch", "expires_after[seconds]": "5000" },
      "expires_after.anchor",
      "missing_required_parameter",
    ],
  ])("are refused with %s", async (_, fields, param, code) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      form.set(name, name === "file" ? new File([value], "x.txt") : value);
    }
    const response = await t.fetch("/v1/files", { method: "POST", body: form });
    expect([response.status, await response.json()]).toMatchObject([400, { error: { param, code } }]);
    expect((await t.openai.files.list()).data).toEqual([]);
  });

  it("are refused as JSON, and above the limit", async () => {
    expect((await t.send("POST", "/v1/files", {})).status).toBe(400);
    const small = setUp({ maxFileBytes: 10 });
    await expect(small.upload(chatRows(1))).rejects.toMatchObject({
      status: 413,
      message: expect.stringMatching(/larger than 10 bytes/),
    });
  });

  it("may be larger than any other body", async () => {
    const test = setUp({ maxBodyBytes: 100 });
    expect(await test.upload(chatRows(9))).toMatch(/^file-/);
    expect((await test.send("POST", "/v1/jobs", { name: "x".repeat(200) })).status).toBe(413);
  });

  it("come from a client that names no file and gives its text a content type", async () => {
    const part = (name: string, value: string) =>
      `--B\r\ncontent-length: ${value.length}\r\ncontent-disposition: form-data; name=${name}\r\ncontent-type: application/octet-stream\r\n\r\n${value}\r\n`;
    const response = await t.fetch("/v1/files", {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=B" },
      body: `${part("file", '{"prompt":"a","completion":"b"}')}${part("purpose", "fine-tune")}${part("color", "red")}--B--`,
    });
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { filename: "upload.jsonl", purpose: "fine-tune" },
    ]);
    expect(response.headers.get("x-midrun-ignored")).toBe("color");
  });
});

describe("uploads", () => {
  const content = Buffer.from(toJsonl(chatRows(40)));
  const create = (bytes = content.length) =>
    t.openai.uploads.create({ bytes, filename: "big.jsonl", mime_type: "text/jsonl", purpose: "fine-tune" });
  const addPart = async (id: string, data: Uint8Array) =>
    (await t.openai.uploads.parts.create(id, { data: await toFile(data, "part") })).id;

  it("become one file of parts that came in parallel, in the order that is asked", async () => {
    const upload = await create();
    expect(upload).toMatchObject({
      object: "upload",
      status: "pending",
      expires_at: upload.created_at + 3600,
      file: null,
    });
    const cuts = [0, 1, 700, 701, content.length];
    const pieces = cuts.slice(1).map((end, i) => content.subarray(cuts[i], end));
    const ids = await Promise.all(pieces.toReversed().map((piece) => addPart(upload.id, piece)));
    const md5 = createHash("md5").update(content).digest("hex").toUpperCase();
    const done = await t.openai.uploads.complete(upload.id, { part_ids: ids.toReversed(), md5 });
    expect(done).toMatchObject({
      id: upload.id,
      status: "completed",
      file: { bytes: content.length, filename: "big.jsonl" },
    });
    const bytes = await (await t.openai.files.content(done.file!.id)).arrayBuffer();
    expect(Buffer.from(bytes).equals(content)).toBe(true);
    const job = await t.openai.fineTuning.jobs.create({ model: "org/base", training_file: done.file!.id });
    expect(job.status).toBe("queued");
  });

  it("refuse to be completed with what was not announced", async () => {
    const { id } = await create();
    const part = await addPart(id, content);
    const extra = await addPart(id, Buffer.from("x"));
    const attempts: [{ part_ids: string[]; md5?: string }, string, RegExp][] = [
      [{ part_ids: ["part_x"] }, "part_ids", /has no part part_x/],
      [{ part_ids: [part, part] }, "part_ids", /names a part twice/],
      [{ part_ids: [part, extra] }, "part_ids", /have \d+ bytes together; the upload was created for/],
      [{ part_ids: [part], md5: "0".repeat(32) }, "md5", /has the MD5 checksum [0-9a-f]{32}, expected 0{32}/],
      [{ part_ids: [part], md5: "zz" }, "md5", /Invalid value for 'md5'/],
      [{ part_ids: [] }, "part_ids", /./],
    ];
    for (const [body, param, message] of attempts) {
      await expect(t.openai.uploads.complete(id, body)).rejects.toMatchObject({
        ...{ status: 400, param, message: expect.stringMatching(message) },
      });
    }
    expect((await t.openai.uploads.complete(id, { part_ids: [part] })).status).toBe("completed");
    await expect(t.openai.uploads.complete(id, { part_ids: [part] })).rejects.toMatchObject({ status: 400 });
    await expect(addPart(id, content)).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(/is completed/),
    });
  });

  it("take nothing more once cancelled or expired", async () => {
    const { id } = await create();
    expect((await t.openai.uploads.cancel(id)).status).toBe("cancelled");
    await expect(t.openai.uploads.cancel(id)).rejects.toMatchObject({ status: 400 });
    await expect(addPart(id, content)).rejects.toThrow(/is cancelled/);
    const other = await create();
    t.clock.advance(3_600_000);
    await expect(addPart(other.id, content)).rejects.toThrow(/is expired/);
    await expect(t.openai.uploads.complete("upload_x", { part_ids: ["p"] })).rejects.toMatchObject({ status: 404 });
  });

  it("check their content as any file", async () => {
    const { id } = await create(3);
    const part = await addPart(id, Buffer.from("[1]"));
    await expect(t.openai.uploads.complete(id, { part_ids: [part] })).rejects.toThrow(/not a dictionary/);
    expect((await t.openai.files.list()).data).toEqual([]);
  });

  it("have limits", async () => {
    await expect(create(9 * 2 ** 30)).rejects.toMatchObject({ param: "bytes", code: "integer_above_max_value" });
    await expect(create(0)).rejects.toMatchObject({ param: "bytes", code: "integer_below_min_value" });
    const small = setUp({ maxFileBytes: 4 });
    const { id } = await small.openai.uploads.create({ bytes: 9, filename: "f", mime_type: "m", purpose: "batch" });
    const data = await toFile(Buffer.from("12345"), "part");
    await expect(small.openai.uploads.parts.create(id, { data })).rejects.toMatchObject({ status: 413 });
  });
});

describe("a file that is deleted while a job is made from it", () => {
  const content = async (id: string) => {
    let text = "";
    for await (const piece of t.files.read(id)) text += Buffer.from(piece).toString();
    return text;
  };
  const gone = { status: 404 };

  beforeEach(() => {
    t = setUp({ fake: { manual: true } });
  });

  it("is gone for everybody, and kept for the job until that has ended", async () => {
    const training_file = await t.upload(chatRows());
    const validation_file = await t.upload(chatRows(2));
    const { id } = await t.openai.fineTuning.jobs.create({ model: "m", training_file, validation_file });
    for (const file of [training_file, validation_file]) {
      expect(await t.openai.files.delete(file)).toMatchObject({ deleted: true });
      await expect(t.openai.files.retrieve(file)).rejects.toMatchObject(gone);
      await expect(t.openai.files.content(file)).rejects.toMatchObject(gone);
      await expect(t.openai.files.delete(file)).rejects.toMatchObject(gone);
    }
    await expect(t.openai.fineTuning.jobs.create({ model: "m", training_file })).rejects.toThrow(/does not exist/);
    expect(await content(training_file)).toBe(toJsonl(chatRows()));
    await t.runner.advance(4);
    await t.finish(id);
    expect((await t.openai.fineTuning.jobs.retrieve(id)).status).toBe("succeeded");
    await expect.poll(() => content(training_file).catch(() => "gone")).toBe("gone");
    await expect.poll(() => content(validation_file).catch(() => "gone")).toBe("gone");
  });

  it("outlives its expiry and every job but the last that needs it", async () => {
    const expires_after = { anchor: "created_at", seconds: 3600 } as const;
    const file = new File([toJsonl(chatRows())], "a.jsonl");
    const { id: training_file } = await t.openai.files.create({ file, purpose: "fine-tune", expires_after });
    const first = await t.openai.fineTuning.jobs.create({ model: "m", training_file });
    const second = await t.openai.fineTuning.jobs.create({ model: "m", training_file });
    t.clock.advance(3_600_000);
    await expect(t.openai.files.retrieve(training_file)).rejects.toMatchObject(gone);
    await t.runner.advance(4);
    await t.finish(first.id);
    await t.runner.advance(0);
    expect(await content(training_file)).toBe(toJsonl(chatRows()));
    await t.openai.fineTuning.jobs.pause(second.id);
    await t.runner.advance(1);
    await expect.poll(async () => (await t.store.getJob(second.id))?.status).toBe("paused");
    expect(await content(training_file)).toBe(toJsonl(chatRows()));
    await t.openai.fineTuning.jobs.cancel(second.id);
    await expect.poll(() => content(training_file).catch(() => "gone")).toBe("gone");
  });

  it("stays when its jobs end, unless it was deleted", async () => {
    const training_file = await t.upload(chatRows());
    const { id } = await t.openai.fineTuning.jobs.create({ model: "m", training_file });
    await t.openai.fineTuning.jobs.cancel(id);
    await t.close();
    expect(await content(training_file)).toBe(toJsonl(chatRows()));
  });
});

describe("a server that starts after a kill", () => {
  it("clears away content that nothing refers to, and no other", async () => {
    t = setUp({ fake: { manual: true } });
    const kept = await t.upload(chatRows(), "kept");
    const needed = await t.upload(chatRows(), "needed");
    await t.openai.fineTuning.jobs.create({ model: "m", training_file: needed });
    await t.openai.files.delete(needed);
    const announced = { bytes: 3, filename: "f", mime_type: "m", purpose: "batch" } as const;
    const data = await toFile(Buffer.from("abc"), "part");
    const [given, open] = [await t.openai.uploads.create(announced), await t.openai.uploads.create(announced)];
    const lost = await t.openai.uploads.parts.create(given.id, { data });
    const stray = (async function* () {
      yield Buffer.from("never recorded");
    })();
    await t.files.write("file-stray", stray, 99);
    t.clock.advance(1_800_000);
    const later = await t.openai.uploads.create(announced);
    const part = await t.openai.uploads.parts.create(later.id, { data });
    t.clock.advance(1_800_000);

    // The first one is dead: nobody hears of it any more.
    apps.splice(apps.indexOf(t), 1);
    const next = setUp({ store: t.store, files: t.files, clock: t.clock, fake: { manual: true } });
    await next.app.ready;
    const names: string[] = [];
    await t.files.sweep(async (name) => names.push(name) > 0);
    expect(names.sort()).toEqual([kept, needed, part.id].sort());
    expect(names).not.toContain(lost.id);
    await expect(next.openai.uploads.complete(open.id, { part_ids: [part.id] })).rejects.toThrow(/is expired/);
    expect((await next.openai.uploads.complete(later.id, { part_ids: [part.id] })).status).toBe("completed");
  });
});

describe("a job of the native route", () => {
  it("trains on an uploaded file, and needs it", async () => {
    const fileId = await t.upload(chatRows());
    const spec = { name: "n", model: "m", dataset: { type: "upload", fileId } };
    expect((await t.send("POST", "/v1/jobs", spec)).status).toBe(200);
    await t.openai.files.delete(fileId);
    expect(await t.send("POST", "/v1/jobs", spec)).toMatchObject({
      status: 404,
      body: { error: { code: "file_not_found", param: "dataset.fileId" } },
    });
  });
});
