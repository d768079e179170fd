// biome-ignore-all lint/suspicious/noConsole: the documented examples print.
/**
 * The documented examples of `createTrainer` and `infer`, as their users wrote them for another SDK: with only the import and the paths
 * changed. On the real engine and a golden model of a few thousand weights; those of `finetune` are beside it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type {
  ChatMessage,
  CheckpointContext,
  Infer,
  InferArgs,
  LoraConfig,
  MidrunClient,
  ResponseFormat,
  StructuredOutputs,
  ToolChoice,
  ToolDefinition,
  TrainerInput,
} from "../index.ts";
import { createClient, createTrainer as createOwnTrainer, MidrunError } from "../index.ts";
import { createTestApp } from "../testing.ts";

const model = fileURLToPath(new URL("../../../../fixtures/qwen3-tied/model", import.meta.url));
const words = ["red", "blue", "small", "warm"];
const rows = words.map((word) => ({
  messages: [
    { role: "user", content: `Say ${word}.` },
    { role: "assistant", content: `${word} it is` },
  ],
}));

let client: MidrunClient;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "midrun-blocks-"));
  client = createClient({ dataDir: directory });
});
afterAll(async () => {
  await client.close();
  await rm(directory, { recursive: true });
});

describe("createTrainer, as documented", () => {
  /** The import: a server that accepts any model and data set, and trains nothing. */
  const app = createTestApp();
  const createTrainer = (input: TrainerInput) =>
    createOwnTrainer(input, { client: createClient({ fetch: app.fetch }) });
  afterAll(() => app.close());

  it("the first example runs to its end", async () => {
    const trainer = createTrainer({
      name: "support-bot-v1",
      model: "unsloth/gemma-4-E4B-it",
      dataset: { type: "huggingface", name: "arkorlab/triage-demo" },
      lora: { r: 16, alpha: 16 },
      maxSteps: 100,
    });
    const { job } = await trainer.wait();
    expect(job).toMatchObject({ name: "support-bot-v1", status: "completed", step: 100 });
    expect(job.spec).toMatchObject({ lora: { r: 16, alpha: 16 }, dataset: { name: "arkorlab/triage-demo" } });
  });

  it("so does the dry run", async () => {
    const trainer = createTrainer({
      name: "smoke",
      model: "unsloth/gemma-4-E4B-it",
      dataset: { type: "huggingface", name: "arkorlab/triage-demo" },
      dryRun: true,
    });
    expect((await trainer.wait()).job).toMatchObject({ status: "completed", spec: { dryRun: true } });
  });

  it("the documented shape of LoraConfig is one", () => {
    const documented: { r: number; alpha: number; maxLength?: number; loadIn4bit?: boolean } = { r: 16, alpha: 16 };
    const lora: LoraConfig = documented;
    expect(lora).toEqual({ r: 16, alpha: 16 });
  });

  it("every documented field is accepted", async () => {
    const trainer = createTrainer({
      ...{ name: "all", model: "m", dataset: { type: "blob", url: "https://example.com/rows.jsonl" } },
      ...{
        lora: { r: 8, alpha: 16, maxLength: 512 },
        maxSteps: 2,
        numTrainEpochs: 1,
        learningRate: 1e-4,
        batchSize: 2,
      },
      ...{ optim: "adamw", lrSchedulerType: "cosine", weightDecay: 0.01, dryRun: false, callbacks: {} },
      ...{ warmupSteps: 1, loggingSteps: { steps: 1 }, saveSteps: { ratio: 0.5 }, evalSteps: 1 },
      ...{ trainOnResponsesOnly: true, datasetFormat: "chatml", datasetSplit: { enabled: true } },
      abortSignal: new AbortController().signal,
    });
    expect((await trainer.wait()).job.status).toBe("completed");
  });
});

describe("infer, as documented", () => {
  /** What the examples find around them. */
  let infer: Infer;
  let step: number;

  beforeAll(async () => {
    const saved = Promise.withResolvers<CheckpointContext>();
    const trainer = createOwnTrainer(
      {
        name: "support-bot-v1",
        model,
        dataset: { type: "inline", rows },
        lora: { r: 4, alpha: 4, maxLength: 64 },
        maxSteps: 2,
        batchSize: 1,
        saveSteps: 1,
        callbacks: { onCheckpoint: (context) => saved.resolve(context) },
      },
      { client },
    );
    await trainer.wait();
    ({ infer, step } = await saved.promise);
  }, 60_000);

  it("takes every documented field", async () => {
    interface Documented {
      messages: ChatMessage[];
      temperature?: number;
      topP?: number;
      maxTokens?: number;
      stream?: boolean;
      tools?: ToolDefinition[];
      toolChoice?: ToolChoice;
      responseFormat?: ResponseFormat;
      structuredOutputs?: StructuredOutputs;
      signal?: AbortSignal;
    }
    const documented: Documented = {
      messages: [{ role: "user", content: "Say red." }],
      ...{ temperature: 0.5, topP: 0.9, maxTokens: 4, stream: false },
      ...{ tools: [], toolChoice: "none", responseFormat: { type: "text" } },
      signal: new AbortController().signal,
    };
    const args: InferArgs = documented;
    expect(await (await infer(args)).json()).toMatchObject({ object: "chat.completion" });
    const structuredOutputs = { choice: ["red", "blue"] };
    const chosen = await infer({ messages: args.messages, stream: false, structuredOutputs });
    expect((await chosen.json()).choices[0].message.content).toMatch(/^(red|blue)$/);
  });

  it("prints a sample at each checkpoint", async () => {
    const print = vi.spyOn(console, "log").mockImplementation(() => {});
    const onCheckpoint = async ({ step, infer }: CheckpointContext) => {
      const res = await infer({
        messages: [{ role: "user", content: "I can't log in." }],
        maxTokens: 4,
      });
      console.log(`step=${step} sample=`, await res.text());
    };
    await onCheckpoint({ step, infer } as CheckpointContext);
    expect(print.mock.calls).toEqual([["step=1 sample=", expect.stringMatching(/^data: \{.*data: \[DONE\]\s*$/s)]]);
    print.mockRestore();
  });

  it("streams by default, in frames that can be read as they come or at once, and is one document with stream: false", async () => {
    const messages: ChatMessage[] = [{ role: "user", content: "Say red." }];
    const maxTokens = 4;
    {
      const res = await infer({ messages, maxTokens });
      expect(res.headers.get("content-type")).toMatch(/^text\/event-stream/);
      let bytes = 0;
      for await (const chunk of res.body!) {
        expect(chunk).toBeInstanceOf(Uint8Array);
        bytes += chunk.length;
      }
      expect(bytes).toBeGreaterThan(0);
    }
    {
      const res = await infer({ messages, maxTokens });
      const text = await res.text();
      expect(text).toContain('"object":"chat.completion.chunk"');
    }
    {
      const res = await infer({ messages, maxTokens, stream: false });
      const data = await res.json();
      expect(data).toMatchObject({ object: "chat.completion", choices: [{ message: { role: "assistant" } }] });
    }
  });

  it("takes tools: an assistant's message, or the documented refusal of a model that has no format for them", async () => {
    const onCheckpoint = async ({ infer }: Pick<CheckpointContext, "infer">) => {
      const res = await infer({
        messages: [{ role: "user", content: "東京の天気は?" }],
        maxTokens: 8,
        tools: [
          {
            type: "function",
            function: {
              name: "get_weather",
              parameters: {
                type: "object",
                properties: { city: { type: "string" } },
                required: ["city"],
              },
            },
          },
        ],
        toolChoice: "auto",
        stream: false,
      });
      const data = (await res.json()) as { choices: Array<{ message: ChatMessage }> };
      return data.choices[0]!.message;
    };
    const outcome = await onCheckpoint({ infer }).catch((error: unknown) => error);
    expect(outcome).toMatchObject(
      outcome instanceof MidrunError ? { status: 400, code: "tool_calling_not_configured" } : { role: "assistant" },
    );
  });

  it("answers in the shape of a JSON schema", async () => {
    const res = await infer({
      messages: [{ role: "user", content: "ユーザーのメールアドレスを抽出。" }],
      responseFormat: {
        type: "json_schema",
        json_schema: {
          name: "user",
          schema: {
            type: "object",
            properties: { email: { type: "string", format: "email" } },
            required: ["email"],
          },
          strict: true,
        },
      },
      stream: false,
      seed: 1,
      maxTokens: 400,
    });
    const data = await res.json();
    const { message, finish_reason } = data.choices[0];
    // A model that learned nothing may not find the end of an address in time; what there is fits so far.
    if (finish_reason === "stop")
      expect(JSON.parse(message.content)).toEqual({ email: expect.stringMatching(/.+@.+/) });
    else expect(message.content).toMatch(/^\s*\{\s*("e|$)/);
  });

  it("ends when its signal does", async () => {
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    const asked = infer({ messages: [{ role: "user", content: "Say red." }], signal: controller.signal });
    await expect(asked).rejects.toThrow("enough");
  });
});
