/** The runner's contract, kept by the real engine: a golden model of a few thousand parameters, in real processes. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadAdapter } from "../../../../engine/src/io/peft.ts";
import type { ChatMessage } from "../../protocol/chat.ts";
import type { Job, JobSpec } from "../../protocol/job.ts";
import type { Runner } from "../runner.ts";
import { runnerConformance } from "../runner-conformance.ts";
import { createEmbeddedRunner } from "./embedded.ts";

const model = fileURLToPath(new URL("../../../../../fixtures/qwen3-tied/model", import.meta.url));

const rows = ["red", "blue", "small", "warm"].map((word) => ({
  messages: [
    { role: "user", content: `Say ${word}.` },
    { role: "assistant", content: `${word} it is` },
  ],
}));

const spec: JobSpec = {
  name: "run",
  model,
  dataset: { type: "inline", rows },
  method: "sft",
  lora: { r: 4, alpha: 8, maxLength: 64 },
  batchSize: 2,
};

runnerConformance("createEmbeddedRunner with the engine", async () => {
  const dir = await mkdtemp(join(tmpdir(), "midrun-engine-"));
  const runner = createEmbeddedRunner();
  return {
    runner,
    spec,
    newJobDir: () => mkdtemp(join(dir, "job-")),
    failingSpec: { ...spec, dataset: { type: "inline", rows: [{ nothing: "known" }] } },
    refusedSpecs: [
      { spec: { ...spec, model: "no-such-model" }, code: "model_not_found" },
      { spec: { ...spec, dataset: { type: "file", path: join(dir, "missing.jsonl") } }, code: "invalid_dataset" },
    ],
    dispose: async () => {
      await runner.close();
      await rm(dir, { recursive: true });
    },
  };
});

describe("a base of 4 bits", () => {
  it("is trained on, told of in the adapter, and asked while training goes on", async () => {
    const dir = await mkdtemp(join(tmpdir(), "midrun-engine-"));
    const runner = createEmbeddedRunner();
    try {
      const full: JobSpec = { ...spec, lora: { r: 4, alpha: 8, loadIn4bit: true }, maxSteps: 4, saveSteps: 2 };
      const job = { id: "job_a", name: "run", model, spec: full, artifacts: [] } as unknown as Job;
      const answers: Promise<string>[] = [];
      const handle = runner.train(job, { jobDir: dir, lease: 1, initialAdapterDir: null }, (event) => {
        if (event.type === "checkpoint.saved") answers.push(answer(runner, event.artifacts[0]!.path));
      });
      const { artifact } = await handle.result;
      expect((await loadAdapter(artifact!.path)).baseWeightBits).toBe(4);
      expect(await Promise.all(answers)).toEqual([expect.any(String), expect.any(String)]);
    } finally {
      await runner.close();
      await rm(dir, { recursive: true });
    }
  });
});

async function answer(runner: Runner, adapterDir: string): Promise<string> {
  let text = "";
  const asked = { messages: rows[0]!.messages.slice(0, 1) as ChatMessage[], maxTokens: 4, temperature: 0, topP: 1 };
  const { signal } = new AbortController();
  const input = { ...asked, model, adapterDir, weightBits: 4 as const, stop: [], seed: 1, signal };
  for await (const event of runner.generate(input)) if (event.type === "delta") text += event.delta;
  return text;
}

it("answers with the weights that it was told to", async () => {
  const firstLogprob = async (generationWeights?: "f32" | "int4") => {
    const runner = createEmbeddedRunner(generationWeights ? { generationWeights } : {});
    try {
      const messages = rows[0]!.messages.slice(0, 1) as ChatMessage[];
      const asked = { messages, maxTokens: 1, temperature: 1, topP: 1, logprobs: 0, stop: [], seed: 1 };
      for await (const event of runner.generate({
        ...asked,
        model,
        adapterDir: null,
        signal: new AbortController().signal,
      }))
        if (event.type === "delta" && event.logprobs?.[0]) return event.logprobs[0].logprob;
      return null;
    } finally {
      await runner.close();
    }
  };
  const exact = await firstLogprob("f32");
  expect(exact).toBeLessThan(0);
  // A model as small as this one is exact by itself.
  expect(await firstLogprob()).toBe(exact);
  expect(await firstLogprob("int4")).not.toBe(exact);
});
