/** F12: people who talk to a run change no bit of it. */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { GenerateRequest } from "../../spec.ts";
import { temporaryDir, tinySpec } from "../tiny-run.ts";
import { report, sizeOfCampaign } from "./size.ts";
import { lossCollector, resultHash, startTraining } from "./training-child.ts";

const maxSteps = sizeOfCampaign("F12_STEPS", { short: 40, full: 600 });
const clients = sizeOfCampaign("F12_CLIENTS", { short: 3, full: 8 });

const specOf = (dir: string) =>
  tinySpec(dir, { maxSteps, saveSteps: 10, keepCheckpoints: 3, batchSize: 4, lora: { r: 4, alpha: 8, dropout: 0.2 } });

test("the loss curve is the same, bit for bit, with and without chats", async () => {
  const quiet = specOf(await temporaryDir());
  const alone = lossCollector();
  await startTraining(quiet, alone.onMessage).ended;

  const asked = specOf(await temporaryDir());
  const seen = lossCollector();
  let newest: string | undefined;
  let answers = 0;
  let ids = 0;
  const ask = () => {
    const request: GenerateRequest = {
      ...(newest === undefined ? {} : { adapterDir: newest }),
      prompt: { messages: [{ role: "user", content: `Say ${["red", "blue", "warm"][ids % 3]}.` }] },
      ...{ maxTokens: 16, temperature: ids % 2, topP: 1, stop: [] },
    };
    child.tell({ type: "generate", id: `chat ${ids++}`, request });
  };
  const child = startTraining(asked, (message) => {
    seen.onMessage(message);
    if (message.type === "ready") for (let i = 0; i < clients; i++) ask();
    if (message.type === "event" && message.event.type === "checkpoint") newest = message.event.dir;
    const isOver = (message.type === "generated" && message.event.type === "done") || message.type === "error";
    if (!isOver) return;
    // A checkpoint may give way to a newer one before it is read: that chat is refused, and the next one asks the newer.
    if (message.type === "generated") answers++;
    ask();
  });
  expect((await child.ended)?.adapterDir).toBe(join(asked.outputDir, "adapter"));
  expect(seen.lines).toEqual(alone.lines);
  expect(await resultHash(asked.outputDir, asked)).toBe(await resultHash(quiet.outputDir, quiet));
  expect(answers).toBeGreaterThan(clients);
  report(`F12: ${answers} answers beside ${maxSteps} steps`);
});
