/** For tests of large files: a server in a process of its own, so that its memory can be told from the test's. */
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const program = `
  import { startServer } from ${JSON.stringify(new URL("./local-server.ts", import.meta.url).href)};
  const server = await startServer({ dataDir: process.argv[2], port: 0 });
  process.on("message", () => process.send({ peakBytes: process.resourceUsage().maxRSS * 1024 }));
  process.on("disconnect", () => process.exit());
  process.send({ url: server.url });`;

export interface SeparateServer {
  /** With `/v1`. */
  baseURL: string;
  /** The most memory that the process has ever held. */
  peakBytes(): Promise<number>;
  close(): Promise<void>;
}

export async function startSeparateServer(): Promise<SeparateServer> {
  const dir = await mkdtemp(join(tmpdir(), "midrun-upload-"));
  const path = join(dir, "server.mjs");
  await writeFile(path, program);
  const execArgv = ["--conditions=midrun-source", "--disable-warning=ExperimentalWarning"];
  const child = fork(path, [join(dir, "data")], { execArgv, cwd: fileURLToPath(new URL(".", import.meta.url)) });
  const next = async () => (await once(child, "message"))[0] as { url: string; peakBytes: number };
  const { url } = await next();
  return {
    baseURL: `${url}/v1`,
    async peakBytes() {
      child.send({});
      return (await next()).peakBytes;
    },
    async close() {
      child.disconnect();
      await once(child, "exit");
      await rm(dir, { recursive: true });
    },
  };
}

const chunkBytes = 256 * 1024;

/** So many bytes of JSONL in chunks, never there as a whole. The last line is filled up. */
export async function* jsonlBytes(sizeBytes: number): AsyncGenerator<Buffer<ArrayBuffer>> {
  const line = `${JSON.stringify({ prompt: "p".repeat(700), completion: "naïve ".repeat(40) })}\n`;
  const chunk = Buffer.from(line.repeat(Math.ceil(chunkBytes / Buffer.byteLength(line))));
  let left = sizeBytes;
  for (; left >= 2 * chunk.length; left -= chunk.length) yield Buffer.from(chunk);
  const frame = JSON.stringify({ prompt: "", completion: "x" });
  yield Buffer.from(frame.replace('""', `"${"p".repeat(left - frame.length - 1)}"`).concat("\n"));
}

export interface LargeUpload {
  id: string;
  bytes: number;
  /** Of what was sent. */
  md5: string;
}

/** Sends a file for fine-tuning as one form, made while it is sent. */
export async function uploadLarge(baseURL: string, sizeBytes: number): Promise<LargeUpload> {
  const hash = createHash("md5");
  async function* form() {
    yield Buffer.from('--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n');
    yield Buffer.from('--B\r\nContent-Disposition: form-data; name="file"; filename="large.jsonl"\r\n\r\n');
    for await (const chunk of jsonlBytes(sizeBytes)) {
      hash.update(chunk);
      yield chunk;
    }
    yield Buffer.from("\r\n--B--\r\n");
  }
  const response = await fetch(`${baseURL}/files`, {
    method: "POST",
    headers: { "content-type": "multipart/form-data; boundary=B" },
    body: Readable.toWeb(Readable.from(form())) as BodyInit,
    ...{ duplex: "half" },
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return { ...((await response.json()) as { id: string; bytes: number }), md5: hash.digest("hex") };
}

/** Reads a file's content to its end, and keeps nothing of it. */
export async function md5OfContent(baseURL: string, id: string): Promise<string> {
  const { body } = await fetch(`${baseURL}/files/${id}/content`);
  const hash = createHash("md5");
  for await (const chunk of body!) hash.update(chunk);
  return hash.digest("hex");
}
