/** The built command beside a server: its own, another one's, one that was killed. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { buildPackages, emptyProject, midrun, startMidrun } from "./testing-built.ts";

// Whole processes, several a test: on a busy machine they take their time.
vi.setConfig({ testTimeout: 240_000 });
beforeAll(buildPackages, 240_000);

/** A port that something else uses. */
async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A trainer with more steps than any test waits for. */
const longTrainer = `import { createTrainer } from "midrun";
const rows = [{ messages: [{ role: "user", content: "Say red." }, { role: "assistant", content: "red" }] }];
export const trainer = createTrainer({
  name: "long", model: "midrun/nano", dataset: { type: "inline", rows }, lora: { r: 2, alpha: 2, maxLength: 64 },
  maxSteps: 100000, batchSize: 1, saveSteps: 50000,
});
`;

describe("a port that is taken", () => {
  it("is refused by serve, with the fix", async () => {
    const port = await takenPort();
    const { code, out, err } = await midrun(await emptyProject(), ["serve", "--port", `${port}`]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(
      new RegExp(`^midrun: Cannot listen on 127\\.0\\.0\\.1:${port}: another program uses it\\.\n  Choose`),
    );
  });

  it("makes dev take the next one, and say so", async () => {
    const port = await takenPort();
    const dev = startMidrun(await emptyProject(), ["dev", "--port", `${port}`]);
    const [, taken] = await dev.says(/Port (\d+) is taken; taking \d+\./);
    expect(taken).toBe(`${port}`);
    const [, url] = await dev.says(/midrun dev: (\S+) /);
    expect(url).not.toBe(`http://127.0.0.1:${port}`);
    expect((await fetch(`${url}/v1/models`)).status).toBe(200);
    await dev.says(/There is no src\/midrun\/index\.ts\. midrun init writes one/);
  });
});

interface Started {
  type: string;
  resumedFromStep: number;
}

describe("a server that was killed", () => {
  it("is noticed: the next command works by itself, and tells of the interrupted job", async () => {
    const directory = await emptyProject({ "src/midrun/index.ts": longTrainer });
    const server = startMidrun(directory, ["serve", "--port", "0"]);
    await server.says(/midrun serves/);
    const run = startMidrun(directory, ["start"]);
    await run.says(/step 2\//);
    server.kill("SIGKILL");
    await server.ended;
    run.kill("SIGKILL");
    await run.ended;
    const listed = await midrun(directory, ["jobs", "list", "--json"]);
    expect(listed).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(listed.out)).toMatchObject([{ name: "long" }]);
  });

  it("that is ended by SIGTERM saves what it trains, and the next one goes on from there", async () => {
    const rows = [{ text: "red red red red" }];
    const spec = {
      ...{
        name: "long",
        model: "midrun/nano",
        dataset: { type: "inline", rows },
        lora: { r: 2, alpha: 2, maxLength: 64 },
      },
      ...{ maxSteps: 100_000, batchSize: 1, saveSteps: 50_000, loggingSteps: 20 },
    };
    const directory = await emptyProject();
    const first = startMidrun(directory, ["serve", "--port", "0", "--log-level", "info"]);
    const [, url] = await first.says(/midrun serves (\S+)/);
    const created = await fetch(`${url}/v1/jobs`, { method: "POST", body: JSON.stringify(spec) });
    const { id } = (await created.json()) as { id: string };
    await vi.waitFor(
      async () => {
        const job = (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as { step: number };
        expect(job.step).toBeGreaterThan(1);
      },
      { timeout: 120_000, interval: 200 },
    );
    first.kill("SIGTERM");
    expect(await first.ended).toBe(0);
    const second = startMidrun(directory, ["serve", "--port", "0"]);
    const [, again] = await second.says(/midrun serves (\S+)/);
    await vi.waitFor(
      async () => {
        const { data } = (await (await fetch(`${again}/v1/jobs/${id}/events?limit=1000`)).json()) as {
          data: Started[];
        };
        const resumed = data.filter(({ type }) => type === "training.started").map((event) => event.resumedFromStep);
        expect(resumed).toEqual([0, expect.any(Number)]);
        expect(resumed[1]).toBeGreaterThan(1);
      },
      { timeout: 120_000, interval: 200 },
    );
  });

  it("that was named is told of, with the fix", async () => {
    const { code, out, err } = await midrun(await emptyProject(), ["jobs", "list", "--base-url", "http://127.0.0.1:1"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(
      /^midrun: GET http:\/\/127\.0\.0\.1:1\/v1\/jobs\S* failed: .*\n {2}Is the server running there\?/,
    );
  });
});

describe("Ctrl-C", () => {
  it("once pauses a job of this process and says how to go on; jobs resume goes on; twice leaves", async () => {
    const directory = await emptyProject({ "src/midrun/index.ts": longTrainer });
    const first = startMidrun(directory, ["start"]);
    await first.says(/step 2\//);
    first.kill("SIGINT");
    expect(await first.ended).toBe(130);
    expect(first.out).toMatch(/Paused at step \d+\./);
    const [, jobId = ""] = await first.says(/Continue with: midrun jobs resume (job_\w+)\n$/);

    const second = startMidrun(directory, ["jobs", "resume", jobId]);
    await second.says(/Continuing from step \d+[\s\S]*step \d+\//);
    second.kill("SIGINT");
    await second.says(/Ctrl-C again leaves at once/);
    second.kill("SIGINT");
    expect(await second.ended).toBe(130);
  });
});

describe("keys", () => {
  it("let their holders in and nobody else, at once, and are needed where others reach the server", async () => {
    const directory = await emptyProject();
    const open = await midrun(directory, ["serve", "--host", "0.0.0.0", "--port", "0"]);
    expect(open).toMatchObject({ code: 1, out: "" });
    expect(open.err).toMatch(/has no API keys\.\n {2}Make one first, with: midrun keys create/);

    const server = startMidrun(directory, ["serve", "--port", "0", "--log-level", "silent"]);
    await server.says(/midrun serves/);
    const made = await midrun(directory, ["keys", "create", "--json"]);
    const { id, secret } = JSON.parse(made.out);
    const refused = await midrun(directory, ["jobs", "list"]);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toMatch(
      /^midrun: You gave no API key\.\n {2}Set MIDRUN_API_KEY to one; .midrun keys create. makes one\.\n$/,
    );
    const list = () => midrun(directory, ["jobs", "list"], { MIDRUN_API_KEY: secret });
    expect(await list()).toMatchObject({ code: 0, out: "No jobs.\n" });
    expect(await midrun(directory, ["keys", "revoke", id])).toMatchObject({ code: 0 });
    expect(await list()).toMatchObject({ code: 1, err: expect.stringContaining("was revoked") });
    expect(server.err).toBe("");
  });
});

describe("without a configuration, and with a wrong one", () => {
  it("an empty folder has no jobs", async () => {
    expect(await midrun(await emptyProject(), ["jobs", "list"])).toEqual({ code: 0, out: "No jobs.\n", err: "" });
  });

  it("a misspelt setting is refused, and its stack is there only with --debug", async () => {
    const config = 'import { defineConfig } from "midrun";\nexport default defineConfig({ prot: 1 });\n';
    const directory = await emptyProject({ "midrun.config.ts": config });
    const { code, out, err } = await midrun(directory, ["jobs", "list"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toBe('midrun: midrun.config.ts: Unknown field "prot".\n  Did you mean "port"?\n');
    expect((await midrun(directory, ["--debug", "jobs", "list"])).err).toMatch(/\n\s+at /);
  });

  it.each([
    [["jbos"], /unknown command 'jbos'[\s\S]*Did you mean jobs/],
    [["start", "--jsn"], /unknown option '--jsn'[\s\S]*Did you mean --json/],
    [["serve", "--port", "http"], /It got "http", expected integer/],
    [["jobs", "show"], /missing required argument 'job'/],
  ])("%j is wrong usage", async (argv, reason) => {
    const { code, out, err } = await midrun(await emptyProject(), argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(reason);
  });
});
