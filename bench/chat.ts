/**
 * `npm run bench:chat [-- --json]`: chats over HTTP with a model of random weights (time to the first token, tokens a second alone and
 * with eight clients, free and held to a schema), and the time that a mask takes; with vocabularies of 4,000 and 150,000.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "../packages/engine/src/bench/measure.ts";
import { createApp } from "../packages/midrun/src/server/app.ts";
import { createEmbeddedRunner } from "../packages/midrun/src/server/runners/embedded.ts";
import { listen } from "../packages/midrun/src/server/serve.ts";
import { createMemoryStore } from "../packages/midrun/src/server/stores/memory.ts";
import { type ChatLoad, type Timing, timeChat } from "./chat-client.ts";
import { writeChatModel } from "./chat-model.ts";
import { benchConstrain, type MaskTimes } from "./constrain.ts";

const vocabularies = [4_000, 150_000];
const rounds = 7;
const tokens = 48;
const clients = 8;

const item = {
  type: "object",
  properties: { name: { type: "string", maxLength: 20 }, count: { type: "integer", minimum: 0, maximum: 999 } },
  required: ["name", "count"],
  additionalProperties: false,
};
const held = { guided_json: { type: "array", items: item, minItems: 40 } };

interface ChatTimes {
  vocabSize: number;
  parameters: number;
  firstP50Ms: number;
  firstP99Ms: number;
  /** Tokens a second of one client, after its first token. */
  alone: number;
  /** Of one client whose answers are held to a schema. */
  constrained: number;
  /** Of eight clients together, from the first request to the last token. */
  together: number;
  masks: MaskTimes[];
}

const at = (samples: number[], share: number) =>
  samples.toSorted((a, b) => a - b)[Math.ceil(share * samples.length) - 1]!;
const rateOf = ({ tokens: count, restMs }: Timing) => (1000 * (count - 1)) / restMs;

async function timeTogether(load: ChatLoad): Promise<number> {
  const start = performance.now();
  const timings = await Promise.all(Array.from({ length: clients }, () => timeChat(load)));
  const total = timings.reduce((sum, timing) => sum + timing.tokens, 0);
  return (1000 * total) / (performance.now() - start);
}

async function measure(directory: string, vocabSize: number): Promise<ChatTimes> {
  const model = join(directory, `model-${vocabSize}`);
  const parameters = await writeChatModel(model, vocabSize);
  const app = createApp({
    dataDir: directory,
    store: createMemoryStore(),
    runners: { embedded: createEmbeddedRunner() },
  });
  const { url, close } = await listen(app, { port: 0 });
  const load = { baseURL: `${url}/v1`, model, tokens };
  const [free, constrained, together]: [Timing[], Timing[], number[]] = [[], [], []];
  // One round that does not count: the model is loaded, its graphs are compiled.
  for (let round = 0; round <= rounds; round++) {
    free.push(await timeChat(load), await timeChat(load));
    constrained.push(await timeChat({ ...load, extra: held }));
    together.push(await timeTogether(load));
  }
  await close();
  await app.close();
  const firsts = free.slice(2).map(({ firstMs }) => firstMs);
  return {
    ...{ vocabSize, parameters },
    firstP50Ms: at(firsts, 0.5),
    firstP99Ms: at(firsts, 0.99),
    alone: median(free.slice(2).map(rateOf)),
    constrained: median(constrained.slice(1).map(rateOf)),
    together: median(together.slice(1)),
    masks: await benchConstrain(vocabSize),
  };
}

function rowsOf(times: ChatTimes): [string, string][] {
  const perSecond = (rate: number) => `${rate.toFixed(0)} tokens/s`;
  const ms = (p50: number, p99: number) => `${p50.toFixed(2)}, ${p99.toFixed(2)} ms`;
  const words = `${times.vocabSize.toLocaleString("en")} tokens, ${(times.parameters / 1e6).toFixed(1)} M parameters`;
  return [
    [`Vocabulary of ${words}`, ""],
    ["  time to the first token after 100, p50 and p99", ms(times.firstP50Ms, times.firstP99Ms)],
    ["  one client", perSecond(times.alone)],
    ["  … held to a schema", perSecond(times.constrained)],
    [`  ${clients} clients together, prompts included`, perSecond(times.together)],
    ...times.masks.flatMap(({ constraint, compileMs, ...mask }): [string, string][] => [
      [`  masks of ${constraint}: compiling`, `${compileMs.toFixed(0)} ms`],
      ["    a token of a first answer, p50 and p99", ms(mask.firstP50Ms, mask.firstP99Ms)],
      ["    of a second answer", ms(mask.againP50Ms, mask.againP99Ms)],
    ]),
  ];
}

const directory = await mkdtemp(join(tmpdir(), "midrun-bench-"));
try {
  const all: ChatTimes[] = [];
  for (const vocabSize of vocabularies) all.push(await measure(directory, vocabSize));
  console.log(
    `${cpus()[0]!.model.trim()}, ${cpus().length} cores, Node ${process.version}, median of ${rounds} rounds\n`,
  );
  for (const [what, value] of all.flatMap(rowsOf)) console.log(`${what.padEnd(64)} ${value.padStart(18)}`.trimEnd());
  if (process.argv.includes("--json")) console.log(JSON.stringify(all));
} finally {
  await rm(directory, { recursive: true, force: true });
}
