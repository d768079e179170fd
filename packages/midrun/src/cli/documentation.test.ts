/** Every TypeScript block of the README and the documentation runs in a test: here those of the pages without one of their own. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { tinyModel } from "../server/testing-engine.ts";
import { createGuideFolder, type GuideFolder, readBlocks, replaceIn } from "../server/testing-guide.ts";
import { buildPackages, emptyProject, midrun } from "./testing-built.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const tiny = JSON.stringify(tinyModel);

let folder: GuideFolder;
beforeEach(async () => {
  folder = await createGuideFolder();
});
afterEach(() => folder.remove());

async function onlyBlock(page: string): Promise<string> {
  const blocks = await readBlocks(page);
  expect(blocks).toHaveLength(1);
  return blocks[0]!;
}

it("is all accounted for", async () => {
  const docs = (await readdir(join(root, "docs"), { recursive: true })).filter((path) => path.endsWith(".md"));
  const pages = ["README.md", ...docs.map((path) => `docs/${path}`)];
  const withCode = await Promise.all(pages.map(async (page) => ((await readBlocks(page)).length > 0 ? [page] : [])));
  expect(withCode.flat().sort()).toEqual([
    "README.md",
    "docs/configuration.md",
    "docs/guides/finetune.md",
    "docs/guides/from-openai.md", // server/from-openai-guide.test.ts
    "docs/metrics.md",
    "docs/server.md",
    "docs/structured-outputs.md", // programs: server/structured-outputs-guide.test.ts
    "docs/tool-calling.md", // server/tool-calling-guide.test.ts
  ]);
});

describe("with the built command", () => {
  beforeEach(buildPackages);

  it("the README's trainer starts, logs, and answers from a checkpoint", async () => {
    const trainer = replaceIn(await onlyBlock("README.md"), [
      ["examples/triage/data", join(root, "examples/triage/data")],
      ["numTrainEpochs: 1", "maxSteps: 3, saveSteps: 2, batchSize: 1"],
    ]);
    const directory = await emptyProject({ "src/midrun/index.ts": trainer });
    const { code, out, err } = await midrun(directory, ["start"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^3 [\d.]+$/m);
    expect(out).toMatch(/^step 2 says: /m);
  });

  it("the configuration is one", async () => {
    const directory = await emptyProject({ "midrun.config.ts": await onlyBlock("docs/configuration.md") });
    expect(await midrun(directory, ["jobs", "list"])).toEqual({ code: 0, out: "No jobs.\n", err: "" });
  });
});

it("finetune() runs to its end", async () => {
  const rows = ["red", "blue", "warm"].map((word) => ({
    messages: [
      { role: "user", content: `Say ${word}.` },
      { role: "assistant", content: word },
    ],
  }));
  await mkdir(join(folder.dir, "dataset/train"), { recursive: true });
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  await writeFile(join(folder.dir, "dataset/train/rows.jsonl"), lines.repeat(4));
  const program = replaceIn(await onlyBlock("docs/guides/finetune.md"), [['"midrun/nano"', tiny]]);
  const out = await folder.run(program);
  expect(out).toMatch(/^1 [\d.]+\n/);
  expect(out).toContain("status: 'COMPLETED'");
});

it("a server in a program ends at SIGTERM", async () => {
  const program = replaceIn(await onlyBlock("docs/server.md"), [
    ['"/var/lib/midrun"', JSON.stringify(join(folder.dir, "data"))],
    ["port: 4000", "port: 0"],
    ['level: "info"', 'level: "warn"'],
  ]);
  const ask = 'console.log((await fetch(new URL("/healthz", server.url))).status);';
  expect(await folder.run(`${program}${ask}process.kill(process.pid, "SIGTERM");`)).toBe("200\n");
});

it("reportTo is a field of a trainer", async () => {
  const fields = `name: "run", model: ${tiny}, dataset: { type: "inline", rows: [{}] },`;
  const trainer = replaceIn(await onlyBlock("docs/metrics.md"), [["// …", fields]]).replace(/;\s*$/, "");
  const program = `import { createTrainer } from "midrun"; console.log(JSON.stringify((${trainer}).spec.reportTo));`;
  expect(JSON.parse(await folder.run(program))).toEqual({
    wandb: { project: "support-bot", entity: "my-team", tags: ["nightly"] },
    mlflow: { experiment: "support-bot" },
  });
});

it("a checkpoint chooses among texts", async () => {
  const [fragment] = (await readBlocks("docs/structured-outputs.md")).filter((code) => !code.startsWith("import"));
  const program = `import { createTrainer, readText } from "midrun";
const messages = [{ role: "user" as const, content: "What is this?" }];
const rows = [{ messages: [...messages, { role: "assistant", content: "a bug" }] }];
await createTrainer({
  name: "run", model: ${tiny}, dataset: { type: "inline", rows }, lora: { r: 2, alpha: 2, maxLength: 64 },
  maxSteps: 1, callbacks: { ${fragment} },
}).wait();`;
  expect(await folder.run(program)).toMatch(/^(bug|question|praise)\n$/);
});
