import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createClient } from "../../client/client.ts";
import { diskSpace, nodeVersion } from "../doctor/checks.ts";
import { fakeIo } from "../fake-io.ts";
import { runCli } from "../program.ts";

async function doctor(argv: string[], env: Record<string, string> = {}) {
  const cwd = await mkdtemp(join(tmpdir(), "midrun-doctor-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
  const run = async (...more: string[]) => {
    const io = fakeIo(createClient({ dataDir: join(cwd, ".midrun") }), { cwd, env });
    const code = await runCli(["doctor", ...argv, ...more], io);
    return { code, ...io.written };
  };
  return { cwd, run };
}

const statusOf = (out: string, name: string) =>
  JSON.parse(out).find((finding: { name: string }) => finding.name === name);

async function listening(status: number): Promise<number> {
  const server = createServer((_, response) => response.writeHead(status).end("[]"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

it("finds this machine able to train, writes nothing and asks no hub", async () => {
  const { cwd, run } = await doctor(["--port", "0"], { HF_ENDPOINT: "http://127.0.0.1:1" });
  const { code, out, err } = await run();
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^ok {2}Node\.js/);
  expect(out).toMatch(/ok {2}ONNX Runtime +it loads; built in: midrun\/nano/);
  expect(out).not.toContain("Hub");
  expect(await readdir(cwd)).toEqual([]);
});

it("tells of a taken port and which one dev would take", async () => {
  const port = await listening(200);
  const { run } = await doctor(["--json", "--port", `${port}`]);
  const { code, out } = await run();
  expect(code).toBe(0);
  expect(statusOf(out, "Port")).toMatchObject({ status: "warning", found: `127.0.0.1:${port} is taken` });
});

it("gives code 1 for a data directory that is none", async () => {
  const { cwd, run } = await doctor(["--json", "--port", "0"]);
  await writeFile(join(cwd, "file"), "");
  const { code, out } = await run("--data-dir", "file/inside");
  expect(code).toBe(1);
  expect(statusOf(out, "Data directory")).toMatchObject({
    status: "failed",
    fix: expect.stringContaining("--data-dir"),
  });
});

it.each([
  [200, "ok"],
  [503, "warning"],
])("asks the hub when told to: %i is %s", async (answer, status) => {
  const port = await listening(answer);
  const { run } = await doctor(["--json", "--hub", "--port", "0"], { HF_ENDPOINT: `http://127.0.0.1:${port}` });
  expect(statusOf((await run()).out, "Hub")).toMatchObject({ status });
});

it.each([
  ["24.0.0", "ok"],
  ["22.18.0", "ok"],
  ["22.17.9", "failed"],
  ["20.19.0", "failed"],
])("Node.js %s is %s", (version, status) => expect(nodeVersion(version).status).toBe(status));

it.each([
  [1e8, "failed"],
  [1e9, "warning"],
  [1e11, "ok"],
])("%d bytes of disk are %s", (bytes, status) => expect(diskSpace(bytes).status).toBe(status));
