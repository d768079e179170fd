/** Memory of training, loading included, each run in a process of its own. */
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { middle, qwen06, randomModelDir } from "./memory-models.ts";
import type { MemoryFigures, MemoryRun } from "./memory-run.ts";

type Options = Omit<MemoryRun, "modelDir">;

/** 2,048 tokens a step, half of them supervised. */
const wide = { batch: 8, length: 256, supervisedShare: 0.5, steps: 5 };

const cases: Record<string, { what: string; sizes: typeof middle; options: Options }> = {
  f32: { what: "298 M parameters, f32", sizes: middle, options: wide },
  f32Recompute: { what: "… blocks computed twice", sizes: middle, options: { ...wide, recompute: true } },
  int8: { what: "… base of 8 bits", sizes: middle, options: { ...wide, weightBits: 8 } },
  int4: { what: "… base of 4 bits", sizes: middle, options: { ...wide, weightBits: 4 } },
  int4Rate: {
    what: "… 4 bits, beside MatMul",
    sizes: middle,
    options: { ...wide, weightBits: 4, steps: 1, rounds: 3 },
  },
  qwen: {
    what: "Qwen3-0.6B's sizes, 4 bits, 10 steps of 512 tokens, then 16 tokens of an answer",
    sizes: qwen06,
    options: { batch: 1, length: 512, supervisedShare: 0.5, steps: 10, weightBits: 4, answerTokens: 16 },
  },
};

/** Runs the cases named, default all; `tell` hears of each as it ends. */
export async function benchMemory(
  tell: (what: string, figures: MemoryFigures) => void,
  names: readonly string[] = Object.keys(cases),
): Promise<Record<string, MemoryFigures>> {
  const figures: Record<string, MemoryFigures> = {};
  for (const sizes of [middle, qwen06]) {
    const own = names.filter((name) => cases[name]!.sizes === sizes);
    if (own.length === 0) continue;
    const root = await randomModelDir(sizes);
    try {
      for (const name of own) {
        const { what, options } = cases[name]!;
        figures[name] = await inProcess({ ...options, modelDir: join(root, "model") });
        tell(what, figures[name]);
      }
    } finally {
      await rm(root, { recursive: true });
    }
  }
  return figures;
}

const script = fileURLToPath(new URL("./memory-run.ts", import.meta.url));

async function inProcess(run: MemoryRun): Promise<MemoryFigures> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--conditions=midrun-source",
    script,
    JSON.stringify(run),
  ]);
  return JSON.parse(stdout);
}
