/** Training files as people really have them, and as nobody should: uploaded, then made into jobs. */
import fc from "fast-check";
import type { FineTuningJob } from "openai/resources/fine-tuning/jobs/jobs";
import { describe, expect, it } from "vitest";
import { createOpenAITest, type OpenAITest } from "../testing-openai.ts";
import { damage, expectAnswer, expectNoGrowth, fuzzRuns } from "./testing-fuzz.ts";

/** A test's server forgets nothing: a new one after so many files, so that what grows is the code's own. */
const filesPerServer = 100;

type Server = OpenAITest & { files: OpenAITest["files"] };

/** Gives each file a server, and ends with no server's fault. */
async function withServers(work: (current: () => Promise<Server>) => Promise<void>): Promise<void> {
  let t: Server | null = null;
  let files = 0;
  const end = async () => {
    await t?.close();
    expect(t?.errors ?? []).toEqual([]);
    t = null;
  };
  await work(async () => {
    if (files++ % filesPerServer === 0) await end();
    t ??= createOpenAITest({ fake: { steps: 1 } });
    return t;
  });
  await end();
}

interface Outcome {
  uploaded: boolean;
  job: (Omit<FineTuningJob, "error"> & { error: JobError | null }) | null;
}
interface JobError {
  code: string;
  message: string;
  param: string;
  problems: { line: number | null; code: string; text: string }[];
  problem_count: number;
}

async function uploadAndTrain(t: Server, content: Buffer<ArrayBuffer>, method = "supervised"): Promise<Outcome> {
  const form = new FormData();
  form.set("purpose", "fine-tune");
  form.set("file", new File([content], "train.jsonl"));
  const file = await expectAnswer(await t.fetch("/v1/files", { method: "POST", body: form }));
  if (!file) return { uploaded: false, job: null };
  const { id: training_file } = file as { id: string };
  const body = JSON.stringify({ model: "base", training_file, method: { type: method } });
  const made = await expectAnswer(await t.fetch("/v1/fine_tuning/jobs", { method: "POST", body }));
  await expectAnswer(await t.fetch(`/v1/fine_tuning/jobs/${(made as { id: string }).id}/events?limit=100`));
  await t.openai.files.delete(training_file);
  return { uploaded: true, job: made as Outcome["job"] };
}

const words = fc.oneof(
  fc.string({ maxLength: 30, unit: "grapheme" }),
  fc.constantFrom("\ufeff", "\u2028", "\0", "\u0000\u001f", "<|im_end|>", "{{x}}", "\\", "naïve 🦙"),
);

/** Good examples, in every form that is allowed. */
const goodRow = fc.oneof(
  fc.tuple(words, words).map(([user, reply]) => ({
    messages: [
      { role: "user", content: user },
      { role: "assistant", content: reply },
    ],
  })),
  fc.tuple(words, words, fc.constantFrom(0, 1)).map(([system, reply, weight]) => ({
    messages: [
      { role: "developer", content: system, name: null },
      { role: "user", content: [{ type: "text", text: system }] },
      { role: "assistant", content: "x", weight },
      { role: "user", content: "more" },
      { role: "assistant", content: reply, weight: 1 },
    ],
    parallel_tool_calls: false,
  })),
  fc.record({ a: fc.jsonValue({ maxDepth: 1 }) }).map((args) => {
    const call = { id: "c", type: "function", function: { name: "f", arguments: JSON.stringify(args) } };
    return {
      tools: [{ type: "function", function: { name: "f", parameters: {} } }],
      messages: [
        { role: "user", content: "x" },
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "c", content: "r" },
        { role: "assistant", content: "done" },
      ],
    };
  }),
);

/** Bad ones: each is a JSON object that an upload accepts and a job does not. */
const badRow = fc.constantFrom<object>(
  {},
  { messages: [] },
  { messages: "none" },
  { messages: null },
  { messages: [null] },
  { messages: [{ role: "user", content: "no reply" }] },
  { messages: [{ role: "robot", content: "x" }] },
  { messages: [{ role: "assistant", content: 3 }] },
  { messages: [{ role: "assistant" }] },
  { messages: [{ role: "assistant", content: "x", weight: 0 }] },
  { messages: [{ role: "assistant", content: "x", weight: 0.5 }] },
  { messages: [{ role: "assistant", content: "x", tool_calls: [{}] }] },
  { messages: [{ role: "assistant", content: [{ type: "image_url", image_url: {} }] }] },
  {
    messages: [
      { role: "tool", tool_call_id: "x", content: "" },
      { role: "assistant", content: "x" },
    ],
  },
  { messages: [{ role: "assistant", content: "x", colour: 1 }] },
  { messages: [{ role: "assistant", content: "x" }], tools: "f" },
  { prompt: "a", completion: "b" },
);

const lineEnds = fc.constantFrom("\n", "\r\n", "\n\n", "\r\n \r\n");

function toFile(rows: readonly object[], { end, mark, tail }: { end: string; mark: boolean; tail: boolean }) {
  const text = rows.map((row) => JSON.stringify(row)).join(end);
  return Buffer.from(`${mark ? "\ufeff" : ""}${text}${tail ? end : ""}`);
}

const layout = fc.record({ end: lineEnds, mark: fc.boolean(), tail: fc.boolean() });

describe("training files", { timeout: 300_000 }, () => {
  it("become jobs exactly when every example is good, and else the bad ones are named", async () => {
    const rows = fc.array(goodRow, { minLength: 10, maxLength: 12 });
    const bad = fc.array(fc.tuple(badRow, fc.integer({ min: 1, max: 9 })), { maxLength: 3 });
    await expectNoGrowth(() =>
      withServers((current) =>
        fc.assert(
          fc.asyncProperty(rows, bad, layout, async (good, wrong, form) => {
            const all: object[] = [...good];
            for (const [row, at] of wrong) all[at] = row;
            const { job } = await uploadAndTrain(await current(), toFile(all, form));
            const lines = [...new Set(wrong.map(([, at]) => at))].sort((a, b) => a - b);
            if (lines.length === 0) {
              expect(job).toMatchObject({ status: "queued", error: null });
              return;
            }
            expect(job).toMatchObject({ status: "failed", error: { code: "invalid_training_file" } });
            const { problems, problem_count } = job!.error!;
            expect(problem_count).toBe(problems.length);
            const step = form.end === "\n" || form.end === "\r\n" ? 1 : 2;
            expect([...new Set(problems.map(({ line }) => line))]).toEqual(lines.map((at) => at * step + 1));
          }),
          fuzzRuns(20261123),
        ),
      ),
    );
  });

  it("of any content are refused, failed or trained on, never a fault", async () => {
    const field = fc.constantFrom("messages", "role", "content", "weight", "tool_calls", "input", "preferred_output");
    const strange = fc.oneof(
      fc.json(),
      fc.dictionary(field, fc.jsonValue({ maxDepth: 3 })).map((row) => JSON.stringify(row)),
      fc.array(fc.dictionary(field, fc.jsonValue({ maxDepth: 2 }))).map((messages) => JSON.stringify({ messages })),
      fc.integer({ min: 1, max: 20_000 }).map((depth) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`),
      fc.constantFrom(
        '{"messages":[{"role":"assistant","content":"\\ud83d"}]}',
        '{"messages":[{"role":"assistant","content":"\\u0000"}]}',
        '{"__proto__":{"messages":[]},"constructor":1}',
        '{"messages":1e999,"messages":-0}',
        '{"prompt":"\\udc00","completion":"x"}',
        '{"a":1}{"b":2}',
        "\0",
        "NaN",
      ),
    );
    const good = goodRow.map((row) => JSON.stringify(row));
    const line = fc.oneof({ weight: 20, arbitrary: good }, { weight: 1, arbitrary: strange });
    const shapes = fc.record({
      lines: fc.array(line, { minLength: 8, maxLength: 14 }),
      end: lineEnds,
      mark: fc.boolean(),
      damage,
      method: fc.constantFrom("supervised", "supervised", "dpo"),
    });
    const outcomes = { refused: 0, failed: 0, queued: 0 };
    await expectNoGrowth(() =>
      withServers((current) =>
        fc.assert(
          fc.asyncProperty(shapes, async ({ lines, end, mark, damage: hurt, method }) => {
            const text = Buffer.from(`${mark ? "\ufeff" : ""}${lines.join(end)}`);
            const { job } = await uploadAndTrain(await current(), Buffer.from(hurt(text)), method);
            outcomes[(job?.status as "failed" | "queued" | undefined) ?? "refused"]++;
            if (job?.status === "failed") expect(job.error!.problems.length).toBeGreaterThan(0);
          }),
          fuzzRuns(20261124),
        ),
      ),
    );
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(20);
  });

  it("with a line of ten million characters are read as any other", async () => {
    const long = {
      messages: [
        { role: "user", content: "é".repeat(5_000_000) },
        { role: "assistant", content: "x" },
      ],
    };
    const short = { messages: [{ role: "assistant", content: "x" }] };
    const form = { end: "\n", mark: false, tail: true };
    await expectNoGrowth(() =>
      withServers(async (current) => {
        const t = await current();
        expect(await uploadAndTrain(t, toFile([long, ...Array(9).fill(short)], form))).toMatchObject({
          job: { status: "queued" },
        });
        const { job } = await uploadAndTrain(t, toFile([...Array(9).fill(short), { ...long, messages: [] }], form));
        expect(job?.error?.problems).toMatchObject([{ line: 10, code: "missing_messages_list" }]);
        const cut = toFile([long], form).subarray(0, 9_000_000);
        expect((await uploadAndTrain(t, Buffer.from(cut))).uploaded).toBe(false);
      }),
    );
  });
});
