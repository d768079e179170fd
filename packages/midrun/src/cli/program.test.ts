import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { createClient } from "../client/client.ts";
import type { Fetch } from "../client/http.ts";
import { eventOf, json, refuse, scriptedFetch, unreachable } from "../client/scripted-fetch.ts";
import { completed, fakeJobServer, log, saved, started } from "../trainer/fake-job-server.ts";
import { fakeIo } from "./fake-io.ts";
import { runCli } from "./program.ts";

type Scripted = Parameters<typeof scriptedFetch>;

async function run(argv: string[], fetchOrAnswers: Fetch | Scripted = [], options: Parameters<typeof fakeIo>[1] = {}) {
  const script = Array.isArray(fetchOrAnswers)
    ? scriptedFetch(...fetchOrAnswers)
    : { fetch: fetchOrAnswers, requests: [] };
  const io = fakeIo(createClient({ fetch: script.fetch }), options);
  const code = await runCli(argv, io);
  const requests = script.requests.map(({ method, url }) => `${method} ${url.replace("http://localhost", "")}`);
  return { code, ...io.written, requests, bodies: script.requests };
}

const { job } = fakeJobServer([completed]);
const page = (...data: unknown[]) => json({ data, hasMore: false });
const completion = (content: string) => json({ choices: [{ message: { role: "assistant", content } }] });

describe("the command line", () => {
  it("shows help on standard output, and succeeds", async () => {
    const { code, out, err } = await run(["--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const command of ["start", "chat", "jobs", "models", "serve"]) expect(out).toContain(command);
  });

  it.each([
    [["jobs", "lst"], /Did you mean list/],
    [["chat"], /missing required argument/],
    [["chat", "m", "--max-tokens", "1.5"], /whole number above 0/],
    [["jobs", "list", "--status", "done"], /queued, running/],
    [["start", "--jsn"], /Did you mean --json/],
    [["serve", "--port", "x"], /It got "x", expected integer/],
    [["serve", "--port", "70000"], /65535/],
  ])("refuses %j with a reason and the code for wrong usage", async (argv, reason) => {
    const { code, out, err } = await run(argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(reason);
  });

  it("tells an error as one message and a hint, with the stack only for --debug", async () => {
    const { code, err } = await run(["jobs", "list"], [unreachable]);
    expect(code).toBe(1);
    expect(err).toMatch(/^midrun: GET .*ECONNREFUSED.*\n {2}Is the server running.*\n$/);
    expect((await run(["--debug", "jobs", "list"], [unreachable])).err).toMatch(/\n\s+at .*Caused by:/s);
  });

  it("admits an error that it did not expect", async () => {
    const { code, err } = await run(["models", "list"], [json({})]);
    expect(code).toBe(1);
    expect(err).toContain("--debug");
  });

  it("runs as a program", async () => {
    const main = fileURLToPath(new URL("main.ts", import.meta.url));
    const node = promisify(execFile);
    const { stdout } = await node(process.execPath, ["--conditions=midrun-source", main, "--help"]);
    expect(stdout).toContain("Usage: midrun");
    const failed = node(process.execPath, ["--conditions=midrun-source", main, "start", "/no/such/entry.ts"]);
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is no /no/such/entry.ts"),
    });
  });
});

describe("midrun jobs", () => {
  it("list prints a table", async () => {
    const running = { ...job, id: "job_2", status: "running", step: 3, totalSteps: null, metrics: { loss: 1.23456 } };
    const { code, out, requests } = await run(
      ["jobs", "list", "--limit", "5", "--status", "running"],
      [page(job, running)],
    );
    expect(code).toBe(0);
    expect(requests).toEqual(["GET /v1/jobs?limit=5&status=running"]);
    expect(out).toBe(
      [
        "ID     NAME  MODEL        STATUS     STEP  LOSS   CREATED",
        "job-1  run   midrun/nano  completed  4/4          2026-01-01 00:00",
        "job_2  run   midrun/nano  running    3     1.235  2026-01-01 00:00",
        "",
      ].join("\n"),
    );
  });

  it("list says when there are none, and when there are more", async () => {
    expect((await run(["jobs", "list"], [page()])).out).toBe("No jobs.\n");
    expect((await run(["jobs", "list"], [json({ data: [job], hasMore: true })])).err).toContain("--after job-1");
  });

  it.each([
    [["jobs", "list", "--json"], page(job), [job]],
    [["jobs", "show", "job-1", "--json"], json(job), job],
    [["jobs", "pause", "job-1", "--json"], json(job), job],
    [["jobs", "cancel", "job-1", "--json"], json(job), job],
    [["jobs", "resume", "job-1", "--json"], json(job), job],
    [["jobs", "stop", "job-1", "--json"], json(job), job],
    [
      ["models", "list", "--json"],
      json({ data: [{ id: "m", object: "model", created: 0, owned_by: "midrun" }] }),
      [{ id: "m", createdAt: "1970-01-01T00:00:00.000Z", ownedBy: "midrun" }],
    ],
  ])("%j prints JSON alone", async (argv, answer, expected) => {
    const { code, out, err } = await run(argv, [answer]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(out)).toEqual(expected);
  });

  it("show tells why a job failed", async () => {
    const error = { code: "diverged", message: "The loss became NaN.", param: null, hint: "Lower learningRate." };
    const { out } = await run(["jobs", "show", "job-1"], [json({ ...job, status: "failed", error })]);
    expect(out).toMatch(/Status +failed\n/);
    expect(out).toContain("The loss became NaN.");
    expect(out).toContain("Lower learningRate.");
  });

  it("refuses an unknown job with the server's words", async () => {
    const { code, err } = await run(["jobs", "events", "job_9"], [refuse(404, "job_not_found")]);
    expect(code).toBe(1);
    expect(err).toBe("midrun: refused with 404\n");
  });

  it("tells of an unknown job with a command, not with a route", async () => {
    const answer = () =>
      Response.json(
        {
          error: {
            message: 'There is no job "job_9". GET /v1/jobs lists them.',
            type: "x",
            param: "id",
            code: "job_not_found",
          },
        },
        { status: 404 },
      );
    const { err } = await run(["jobs", "show", "job_9"], [answer]);
    expect(err).toBe('midrun: There is no job "job_9".\n  midrun jobs list shows them.\n');
  });

  it("rm asks before it deletes, and needs --yes where nobody can answer", async () => {
    expect(await run(["jobs", "rm", "job-1"], [json(job)])).toMatchObject({
      code: 1,
      err: expect.stringContaining("--yes"),
    });
    const declined = await run(["jobs", "rm", "job-1"], [json(job)], { typed: ["no"] });
    expect(declined).toMatchObject({ code: 1, err: "Nothing was deleted.\n", requests: ["GET /v1/jobs/job-1"] });
    const agreed = await run(["jobs", "rm", "job-1", "--json"], [json(job), json({})], { typed: ["y"] });
    expect(agreed.requests).toEqual(["GET /v1/jobs/job-1", "DELETE /v1/jobs/job-1"]);
    expect(JSON.parse(agreed.out)).toEqual({ id: "job-1", deleted: true });
  });

  it("logs prints what there is with times, or the last of it, and ends", async () => {
    const events = [started, log(2), saved(2), completed].map((body, i) => eventOf(i + 1, body));
    const answers: Scripted = [
      json(job),
      json({ data: events.slice(0, 2), hasMore: true }),
      json({ data: events.slice(2), hasMore: false }),
    ];
    const { code, out, requests } = await run(["jobs", "logs", "job-1", "--follow"], answers);
    expect(code).toBe(0);
    expect(requests.slice(1)).toEqual([
      "GET /v1/jobs/job-1/events?limit=1000",
      "GET /v1/jobs/job-1/events?limit=1000&after=2",
    ]);
    const lines = out.trim().split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}step 2\/4 {2}loss 0\.500/);
    expect(
      (await run(["jobs", "logs", "job-1", "--tail", "1"], [json(job), json({ data: events, hasMore: false })])).out,
    ).toMatch(/^\S+ \S+ {2}Completed\.\n$/);
  });

  it("events prints a line for each, until the job is over", async () => {
    const { client } = fakeJobServer([started, log(2), saved(2), completed]);
    const io = fakeIo(client);
    expect(await runCli(["jobs", "events", "job-1"], io)).toBe(0);
    expect(io.written.out).toBe(
      [
        "Training on 1 rows (text): 4 steps, 10 trainable parameters.",
        "step 2/4  loss 0.500  ETA 1s",
        "Checkpoint saved at step 2 (/jobs/job-1/step-2).",
        "Completed.",
        "",
      ].join("\n"),
    );
  });

  it("events --json prints them as they came, after the one named", async () => {
    const { client } = fakeJobServer([started, log(2), completed]);
    const io = fakeIo(client);
    await runCli(["jobs", "events", "job-1", "--json", "--after", "1"], io);
    const events = io.written.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ id, type }) => [id, type])).toEqual([
      [2, "training.log"],
      [3, "training.completed"],
    ]);
  });

  it("resume follows a job that lives in this process to its end", async () => {
    const { client, requests } = fakeJobServer([started, log(2), completed]);
    const io = fakeIo({ ...client, inProcess: true });
    expect(await runCli(["jobs", "resume", "job-1"], io)).toBe(0);
    expect(requests[0]).toBe("POST /v1/jobs/job-1/resume");
    expect(io.written.out).toContain("Completed.");
  });
});

describe("midrun chat", () => {
  const sse =
    (...pieces: string[]) =>
    () => {
      const frames = [
        ...pieces.map((content) => JSON.stringify({ choices: [{ index: 0, delta: { content } }] })),
        "[DONE]",
      ];
      const body = frames.map((data) => `data: ${data}\n\n`).join("");
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    };
  const checkpoint = { kind: "checkpoint", step: 20, path: "/c/20", files: [] };

  it("asks once with --message and writes the answer", async () => {
    const { code, out, bodies } = await run(
      ["chat", "midrun/nano", "-m", "Hi", "--system", "Be kind.", "--max-tokens", "5", "--temperature", "0"],
      [sse("Hel", "lo")],
    );
    expect({ code, out }).toEqual({ code: 0, out: "Hello\n" });
    expect(await bodies[0]!.json()).toEqual({
      model: "midrun/nano",
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content: "Hi" },
      ],
      maxTokens: 5,
      temperature: 0,
      stream: true,
    });
  });

  it("reads the prompt from a pipe, and refuses an empty one", async () => {
    const { bodies } = await run(["chat", "m"], [sse("x")], { piped: "From a pipe\n" });
    expect(await bodies[0]!.json()).toMatchObject({ messages: [{ role: "user", content: "From a pipe" }] });
    expect(await run(["chat", "m"], [], { piped: " \n" })).toMatchObject({
      code: 1,
      err: expect.stringContaining("--message"),
    });
  });

  it.each([
    ["job_1@30", [], { kind: "checkpoint", jobId: "job_1", step: 30 }],
    ["job_1", [json({ ...job, status: "completed" })], { kind: "final", jobId: "job_1" }],
    [
      "job_1",
      [json({ ...job, status: "running", artifacts: [{ ...checkpoint, step: 10 }, checkpoint] })],
      { kind: "checkpoint", jobId: "job_1", step: 20 },
    ],
  ])("takes %s for weights of that job", async (target, answers, adapter) => {
    const { bodies } = await run(["chat", target, "-m", "Hi"], [...(answers as Scripted), sse("x")]);
    expect(await bodies.at(-1)!.json()).toMatchObject({ adapter });
  });

  it("says that a job without a checkpoint cannot be asked yet", async () => {
    const queued = json({ ...job, status: "queued", artifacts: [] });
    const { code, err } = await run(["chat", "job_1", "-m", "Hi"], [queued]);
    expect(code).toBe(1);
    expect(err).toMatch(/job_1 is queued and has no checkpoint yet/);
  });

  it("keeps the conversation, and survives an answer that failed", async () => {
    const { code, out, err, bodies } = await run(["chat", "m"], [sse("One"), refuse(503, null), sse("Three")], {
      typed: ["a", "b", " ", "c", "/exit", "never"],
    });
    expect({ code, out }).toEqual({ code: 0, out: "One\nThree\n" });
    expect(err).toContain("refused with 503");
    expect(await bodies[2]!.json()).toMatchObject({
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: "One" },
        { role: "user", content: "c" },
      ],
    });
  });

  it("ends one answer at Ctrl-C and aborts its request", async () => {
    const asked = Promise.withResolvers<Request>();
    const io = fakeIo(
      createClient({
        fetch: (request) => {
          asked.resolve(request);
          return new Promise(() => undefined);
        },
      }),
    );
    const done = runCli(["chat", "m", "-m", "Hi"], io);
    const request = await asked.promise;
    io.interrupt();
    expect(await done).toBe(130);
    expect(request.signal.aborted).toBe(true);
  });

  it("--json-schema asks for JSON that meets the schema in a file", async () => {
    const directory = await mkdtemp(join(tmpdir(), "midrun-chat-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, "schema.json");
    const ask = () => run(["chat", "m", "-m", "Hi", "--json-schema", path], [sse("{}")]);
    expect((await ask()).err).toMatch(/--json-schema: .*schema\.json cannot be read/);
    await writeFile(path, "[]");
    expect((await ask()).err).toContain("holds no JSON schema");
    await writeFile(path, "{");
    expect((await ask()).err).toContain("is no JSON");
    await writeFile(path, '{"type":"object"}');
    expect(await (await ask()).bodies[0]!.json()).toMatchObject({
      responseFormat: { type: "json_schema", json_schema: { schema: { type: "object" }, strict: true } },
    });
  });

  it("--json prints the completion", async () => {
    const { out, bodies } = await run(["chat", "m", "-m", "Hi", "--json"], [completion("Hello")]);
    expect(JSON.parse(out)).toEqual({ choices: [{ message: { role: "assistant", content: "Hello" } }] });
    expect(await bodies[0]!.json()).toMatchObject({ stream: false });
  });
});
