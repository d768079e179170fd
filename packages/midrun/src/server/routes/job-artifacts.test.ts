import { createHash } from "node:crypto";
import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { get as httpGet } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient } from "../../client/client.ts";
import type { Job, JobFile, JobSpecInput } from "../../protocol/job.ts";
import { createTestApp, type TestApp } from "../../testing.ts";
import { listen } from "../serve.ts";

const spec: JobSpecInput = { name: "run", model: "base", dataset: { type: "inline", rows: [{}] } };
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

let dataDir: string;
let test: TestApp;
let jobId: string;

/** A finished job of four steps whose files are on disk: checkpoints of steps 2 and 4, and the adapter. */
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "midrun-artifacts-"));
  test = createTestApp({ dataDir });
  ({ id: jobId } = (await (
    await test.fetch("/v1/jobs", { method: "POST", body: JSON.stringify(spec) })
  ).json()) as Job);
  await (await test.fetch(`/v1/jobs/${jobId}/events`, { headers: { accept: "text/event-stream" } })).text();
  for (const dir of ["checkpoints/step-000002", "checkpoints/step-000004", "adapter"]) {
    await write(`${dir}/adapter_config.json`, `{"of":"${dir}"}`);
    await write(`${dir}/adapter_model.safetensors`, `weights of ${dir}`);
  }
});
afterEach(async () => {
  await test.close();
  expect(test.errors).toEqual([]);
  await rm(dataDir, { recursive: true, force: true });
});

async function write(name: string, text: string): Promise<void> {
  const path = join(dataDir, "jobs", jobId, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, text);
}

const list = async () => ((await (await test.fetch(`/v1/jobs/${jobId}/artifacts`)).json()) as { data: JobFile[] }).data;
const download = (name: string, headers: Record<string, string> = {}, method = "GET") =>
  test.fetch(`/v1/jobs/${jobId}/artifacts/${name}`, { method, headers });

describe("GET /v1/jobs/:id/artifacts", () => {
  it("lists the files of every checkpoint and of the result with size and hash, then what tells of the run", async () => {
    await write("config.json", "{}");
    await write("dataset.json", '{"sha256":"ab"}');
    await write("metrics.jsonl", "{}\n");
    await write("tensorboard/events.out.tfevents.1", "x");
    await write("notes.txt", "not the job's");
    const files = await list();
    expect(files.map(({ name, kind, step }) => [name, kind, step])).toEqual([
      ["checkpoints/step-000002/adapter_config.json", "checkpoint", 2],
      ["checkpoints/step-000002/adapter_model.safetensors", "checkpoint", 2],
      ["checkpoints/step-000004/adapter_config.json", "checkpoint", 4],
      ["checkpoints/step-000004/adapter_model.safetensors", "checkpoint", 4],
      ["adapter/adapter_config.json", "adapter", 4],
      ["adapter/adapter_model.safetensors", "adapter", 4],
      ["config.json", "config", null],
      ["dataset.json", "dataset", null],
      ["metrics.jsonl", "metrics", null],
      ["tensorboard/events.out.tfevents.1", "metrics", null],
    ]);
    const text = "weights of adapter";
    expect(files[5]).toEqual({
      name: "adapter/adapter_model.safetensors",
      kind: "adapter",
      step: 4,
      sizeBytes: text.length,
      sha256: sha256(text),
    });
  });

  it("leaves out what is not on disk any more", async () => {
    await rm(join(dataDir, "jobs", jobId, "checkpoints"), { recursive: true });
    expect((await list()).map(({ name }) => name)).toEqual([
      "adapter/adapter_config.json",
      "adapter/adapter_model.safetensors",
    ]);
  });

  it("tells the hash that a checkpoint was saved with, so that damage shows", async () => {
    const files = { "adapter_model.safetensors": sha256("as saved") };
    await write("checkpoints/step-000002/state.json", JSON.stringify({ formatVersion: 1, files }));
    const found = (await list()).find(({ name }) => name === "checkpoints/step-000002/adapter_model.safetensors");
    expect(found?.sha256).toBe(sha256("as saved"));
  });

  it("follows a file that grows", async () => {
    await write("metrics.jsonl", "one\n");
    const hashOf = async () => (await list()).find(({ name }) => name === "metrics.jsonl")?.sha256;
    expect(await hashOf()).toBe(sha256("one\n"));
    await appendFile(join(dataDir, "jobs", jobId, "metrics.jsonl"), "two\n");
    expect(await hashOf()).toBe(sha256("one\ntwo\n"));
  });

  it("refuses an unknown job", async () => {
    expect((await test.fetch("/v1/jobs/job_none/artifacts")).status).toBe(404);
    expect((await test.fetch("/v1/jobs/job_none/artifacts/config.json")).status).toBe(404);
  });
});

describe("GET /v1/jobs/:id/artifacts/:name", () => {
  const name = "adapter/adapter_model.safetensors";
  const text = "weights of adapter";
  const etag = `"${sha256(text)}"`;

  it("gives the bytes, named, typed and tagged by their hash", async () => {
    const response = await download(name);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(text);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      etag,
      "accept-ranges": "bytes",
      "content-length": String(text.length),
      "content-type": "application/octet-stream",
      "content-disposition": "attachment; filename*=UTF-8''adapter_model.safetensors",
      "x-content-type-options": "nosniff",
    });
    expect((await download("adapter/adapter_config.json")).headers.get("content-type")).toBe("application/json");
  });

  it.each([
    ["bytes=0-6", "weights", "bytes 0-6/18"],
    ["bytes=11-", "adapter", "bytes 11-17/18"],
    ["bytes=-3", "ter", "bytes 15-17/18"],
  ])("gives a part: %s", async (range, expected, contentRange) => {
    const response = await download(name, { range });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(contentRange);
    expect(response.headers.get("content-length")).toBe(String(expected.length));
    expect(await response.text()).toBe(expected);
  });

  it("gives the whole for what is no range it serves", async () => {
    const response = await download(name, { range: "bytes=0-1,3-4" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(text);
  });

  it("refuses a part that is not there with 416 and the size", async () => {
    const response = await download(name, { range: "bytes=18-" });
    expect(response.status).toBe(416);
    expect(response.headers.get("content-range")).toBe("bytes */18");
    const { error } = (await response.json()) as { error: { code: string; param: string } };
    expect(error).toMatchObject({ code: "range_not_satisfiable", param: "Range" });
  });

  it("goes on with a download only if the file is the same", async () => {
    const same = await download(name, { range: "bytes=11-", "if-range": etag });
    expect([same.status, await same.text()]).toEqual([206, "adapter"]);
    for (const other of ['"other"', `W/${etag}`, "Fri, 20 Nov 2026 10:00:00 GMT"]) {
      const whole = await download(name, { range: "bytes=11-", "if-range": other });
      expect([whole.status, await whole.text()]).toEqual([200, text]);
    }
  });

  it("sends nothing that the client has, and nothing but what it asks for", async () => {
    const known = await download(name, { "if-none-match": `"x", W/${etag}` });
    expect([known.status, await known.text()]).toEqual([304, ""]);
    expect((await download(name, { "if-none-match": '"x"' })).status).toBe(200);
    expect((await download(name, { "if-match": '"x"' })).status).toBe(412);
    expect((await download(name, { "if-match": etag })).status).toBe(200);
  });

  it("answers HEAD with the headers alone", async () => {
    const response = await download(name, { range: "bytes=0-1" }, "HEAD");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe("18");
    expect(response.headers.get("etag")).toBe(etag);
    expect(await response.text()).toBe("");
  });

  it("gives an empty file", async () => {
    await write("metrics.jsonl", "");
    const response = await download("metrics.jsonl");
    expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([200, "0", ""]);
    expect((await download("metrics.jsonl", { range: "bytes=0-" })).status).toBe(416);
  });

  it("gives a file larger than one read, in parts that fit together", async () => {
    const large = "0123456789".repeat(100_000);
    await write("metrics.jsonl", large);
    const parts = ["bytes=0-299999", "bytes=300000-699999", "bytes=700000-"];
    const texts = await Promise.all(parts.map(async (range) => (await download("metrics.jsonl", { range })).text()));
    expect(texts.join("")).toBe(large);
  });

  it("stops reading when its reader leaves", async () => {
    await write("metrics.jsonl", "x".repeat(2_000_000));
    const reader = (await download("metrics.jsonl")).body!.getReader();
    await reader.read();
    await reader.cancel();
    expect((await download("metrics.jsonl")).status).toBe(200);
  });

  it.each([
    "..%2f..%2f..%2fmidrun.db",
    "adapter%2f..%2f..%2fother%2fadapter%2fadapter_config.json",
    "adapter/%2e%2e/%2e%2e/secret.txt",
    "%2fetc%2fpasswd",
    "..%5c..%5cmidrun.db",
    "adapter%00/adapter_config.json",
    "adapter",
    "notes.txt",
    "tensorboard/",
    "adapter/state.json",
  ])("refuses %s", async (path) => {
    await writeFile(join(dataDir, "midrun.db"), "secret");
    await writeFile(join(dataDir, "jobs", "secret.txt"), "secret");
    await write("notes.txt", "secret");
    const response = await download(path);
    expect(response.status).toBe(404);
    expect(await response.json()).toHaveProperty("error.message");
  });

  it("refuses path tricks over a socket as well, where no URL parser tidies them up", async () => {
    await writeFile(join(dataDir, "jobs", "secret.txt"), "secret");
    const { url, close } = await listen(test.app, { port: 0 });
    try {
      const path = `/v1/jobs/${jobId}/artifacts/../../../jobs/secret.txt`;
      const status = await new Promise((resolve, reject) => {
        const { port } = new URL(url);
        httpGet({ host: "127.0.0.1", port, path }, (response) => resolve(response.resume().statusCode)).on(
          "error",
          reject,
        );
      });
      expect(status).toBe(404);
    } finally {
      await close();
    }
  });

  it("lists no directory in the place of a file", async () => {
    await rm(join(dataDir, "jobs", jobId, "adapter", "adapter_config.json"));
    await mkdir(join(dataDir, "jobs", jobId, "adapter", "adapter_config.json"));
    await symlink("/nowhere", join(dataDir, "jobs", jobId, "config.json"));
    expect((await list()).map((file) => file.name)).not.toContain("adapter/adapter_config.json");
    expect((await download("adapter/adapter_config.json")).status).toBe(404);
    expect((await download("config.json")).status).toBe(404);
  });
});

describe("the client", () => {
  it("lists and downloads, and goes on where a download broke off", async () => {
    const { jobs } = createClient({ fetch: test.fetch });
    const { data } = await jobs.artifacts(jobId);
    const file = data.find(({ name }) => name === "checkpoints/step-000004/adapter_model.safetensors")!;
    const first = await jobs.downloadArtifact(jobId, file.name, { range: "bytes=0-9" });
    const rest = await jobs.downloadArtifact(jobId, file.name, {
      range: "bytes=10-",
      ifRange: first.headers.get("etag")!,
    });
    expect(rest.status).toBe(206);
    expect(sha256((await first.text()) + (await rest.text()))).toBe(file.sha256);
    await expect(jobs.downloadArtifact(jobId, "none")).rejects.toMatchObject({ status: 404, code: "file_not_found" });
  });
});
