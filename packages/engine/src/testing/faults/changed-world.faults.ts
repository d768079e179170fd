/** F5: a run that is resumed in another world is refused by name, or goes on and is called inexact. */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadBaseModel } from "../../base-model.ts";
import type { TrainEvent, TrainSpec } from "../../spec.ts";
import { train } from "../../train.ts";
import { runTiny, temporaryDir, tinyChats, tinyModel, tinySpec } from "../tiny-run.ts";
import { lossCollector, resultHash } from "./training-child.ts";

const half = async (changes: Partial<TrainSpec> = {}) => {
  const dir = await temporaryDir();
  await runTiny(tinySpec(dir, { maxSteps: 6, ...changes }), (done) => (done === 3 ? "pause" : null));
  return dir;
};

const resume = (dir: string, changes: Partial<TrainSpec> = {}) => runTiny(tinySpec(dir, { maxSteps: 6, ...changes }));

const warningsOf = (events: TrainEvent[]) => events.flatMap((event) => (event.type === "warning" ? event.message : []));

const refusal = (param: string, message: string) => ({
  code: "invalid_checkpoint",
  param,
  message: expect.stringContaining(message),
});

const edited = tinyChats.map(({ messages }, i) => ({
  messages: messages.map((message) => (i === 5 ? { ...message, content: `${message.content}!` } : message)),
}));

test("the same world is silent", async () => {
  expect(warningsOf((await resume(await half())).events)).toEqual([]);
});

test("another number of threads goes on, is called inexact, and stays close", async () => {
  const whole = await resume(await temporaryDir());
  const dir = await half();
  const seen = lossCollector();
  await train(await tinyModel(), tinySpec(dir, { maxSteps: 6 }), { onEvent: seen.onEvent, threads: 2 });
  expect(seen.warnings).toEqual([expect.stringMatching(/inexactly.*threads is 2 and was 1/)]);
  for (const { step, loss } of seen.lines) expect(loss).toBeCloseTo(whole.losses[step - 1]!, 4);
});

test.each<[string, Partial<TrainSpec>, string]>([
  ["an edited row", { dataset: { type: "inline", rows: edited } }, "dataset"],
  ["rows in another order", { dataset: { type: "inline", rows: tinyChats.toReversed() } }, "dataset"],
  ["held-out rows of its own", { evalDataset: { type: "inline", rows: tinyChats.slice(0, 2) } }, "dataset"],
  ["another seed", { seed: 12 }, "spec"],
  ["another rank", { lora: { r: 8, alpha: 8 } }, "spec"],
  ["another engine's optimizer settings", { adamBeta2: 0.95 }, "spec"],
])("%s is refused", async (_, changes, param) => {
  const dir = await half();
  await expect(resume(dir, changes)).rejects.toMatchObject(refusal(param, "Since the checkpoint of step 3"));
  expect((await resume(dir)).result.status).toBe("completed");
});

async function changedModel(file: string, change: (bytes: Buffer) => Buffer | string) {
  const { dir } = await tinyModel();
  const copy = await temporaryDir();
  await cp(dir, copy, { recursive: true });
  const path = join(copy, file);
  await writeFile(path, change(await readFile(path)));
  return loadBaseModel(copy);
}

test("another model is refused, be it by one bit", async () => {
  const dir = await half();
  const model = await changedModel("model.safetensors", (bytes) => {
    bytes[bytes.length - 2]! ^= 1;
    return bytes;
  });
  const run = train(model, tinySpec(dir, { maxSteps: 6 }), { onEvent: () => {}, threads: 1 });
  await expect(run).rejects.toMatchObject(refusal("model", "the base model changed"));
});

test("another tokenizer is refused, and the hint says where to look", async () => {
  const dir = await half();
  const model = await changedModel("tokenizer.json", (bytes) => {
    const tokenizer = JSON.parse(bytes.toString());
    tokenizer.model.merges = tokenizer.model.merges.slice(0, tokenizer.model.merges.length >> 1);
    return JSON.stringify(tokenizer);
  });
  const run = train(model, tinySpec(dir, { maxSteps: 6 }), { onEvent: () => {}, threads: 1 });
  await expect(run).rejects.toMatchObject({
    ...refusal("dataset", "the data set changed"),
    hint: expect.stringContaining("the tokenizer or the chat template"),
  });
});

const dated = `{{ strftime_now('%d %b %Y') }}{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}
{% endfor %}`;

test("a template that prints the date goes on another day, with the day on which the run began", async () => {
  const first = { chatTemplate: dated, startedAt: "2026-01-02T12:00:00Z" };
  const whole = await temporaryDir();
  await resume(whole, first);
  const dir = await half(first);
  const { events } = await resume(dir, first);
  expect(warningsOf(events)).toEqual([]);
  expect(await resultHash(dir, { lora: { r: 4, alpha: 8 } })).toBe(
    await resultHash(whole, { lora: { r: 4, alpha: 8 } }),
  );
  const other = await half(first);
  await expect(resume(other, { ...first, startedAt: "2026-01-03T12:00:00Z" })).rejects.toMatchObject({
    param: "dataset",
  });
});
