/** For tests: a server on a port, over the real engine with a model of a few thousand random weights. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, expect } from "vitest";
import { type App, createApp } from "./app.ts";
import { createMemoryStorage } from "./files/memory-storage.ts";
import type { Runner } from "./runner.ts";
import { createEmbeddedRunner } from "./runners/embedded.ts";
import { listen } from "./serve.ts";
import { createMemoryStore } from "./stores/memory.ts";

/** Its context holds 512 tokens, its vocabulary 361: all bytes, a few words, nine added tokens. */
export const tinyModel = fileURLToPath(new URL("../../../../fixtures/qwen3-tied/model", import.meta.url));

export interface EngineServer {
  app: App;
  /** With `/v1`. */
  baseURL: string;
  /** Generations in progress. */
  generating: () => number;
  /** What the server reported as its own fault. */
  faults: unknown[];
  close(): Promise<void>;
}

/** The runner, and how many of its generations have not ended. */
function counted(runner: Runner): { runner: Runner; generating: () => number } {
  let open = 0;
  async function* generate(input: Parameters<Runner["generate"]>[0]) {
    open++;
    try {
      yield* runner.generate(input);
    } finally {
      open--;
    }
  }
  return { runner: { ...runner, generate }, generating: () => open };
}

export async function startEngineServer(): Promise<EngineServer> {
  const dataDir = await mkdtemp(join(tmpdir(), "midrun-engine-"));
  const faults: unknown[] = [];
  const { runner, generating } = counted(createEmbeddedRunner());
  const app = createApp({
    dataDir,
    store: createMemoryStore(),
    files: createMemoryStorage(),
    runners: { embedded: runner },
    onError: (error) => faults.push(error),
  });
  const { url, close } = await listen(app, { port: 0 });
  return {
    app,
    baseURL: `${url}/v1`,
    generating,
    faults,
    async close() {
      await app.close({ graceMs: 0 });
      await close();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** One server for the tests of a file or a `describe`, and OpenAI's client to it. At the end it has no faults. */
export function useEngineServer(): { server: EngineServer; openai: OpenAI } {
  const used = {} as { server: EngineServer; openai: OpenAI };
  beforeAll(async () => {
    used.server = await startEngineServer();
    used.openai = new OpenAI({ apiKey: "none", baseURL: used.server.baseURL, maxRetries: 0 });
  });
  afterAll(async () => {
    await used.server.close();
    expect(used.server.faults).toEqual([]);
  });
  return used;
}
