/** The built command, from an empty folder to a trained model. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { buildPackages, emptyProject, midrun, startMidrun } from "./testing-built.ts";

// Whole processes, several a test: on a busy machine they take their time.
vi.setConfig({ testTimeout: 240_000 });
beforeAll(buildPackages, 240_000);

/** A trainer that is done in a moment. */
const quickTrainer = (name: string, more = "") => `import { createMidrun, createTrainer } from "midrun";
const rows: object[] = [{ messages: [{ role: "user", content: "Say red." }, { role: "assistant", content: "red" }] }];
export const midrun = createMidrun({ trainer: createTrainer({
  name: "${name}", model: "midrun/nano", dataset: { type: "inline", rows }, lora: { r: 2, alpha: 2, maxLength: 64 },
  maxSteps: 2, batchSize: 1, saveSteps: 1, ${more}
}) });
`;

describe("an empty folder", () => {
  it("becomes a project with init, which overwrites nothing, and the project checks and builds", async () => {
    const directory = await emptyProject({ "package.json": '{"name":"mine","type":"module"}' });
    const made = await midrun(directory, ["init", "--json"]);
    expect(made).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(made.out)).toMatchObject({
      created: ["tsconfig.json", ".gitignore", "src/midrun/index.ts", "data/train.jsonl"],
      kept: ["package.json"],
      next: ["npm install midrun", "npm install --save-dev typescript @types/node", "npx midrun start"],
    });
    expect(await readFile(join(directory, "package.json"), "utf8")).toBe('{"name":"mine","type":"module"}');

    const built = await midrun(directory, ["build", "--json"]);
    expect(built).toMatchObject({ code: 0, err: "" });
    const { trainers, files } = JSON.parse(built.out);
    expect(trainers).toMatchObject([{ name: "support-bot", spec: { model: "midrun/nano" } }]);
    expect(files.map(({ path }: { path: string }) => path)).toEqual(["src/midrun/index.js"]);

    const again = await midrun(directory, ["init"]);
    expect(again.out).toMatch(/^kept {2}package\.json[\s\S]*kept {2}data\/train\.jsonl/);
    expect(again.out).not.toContain("wrote");
  });

  it("has no trainer, and start says how to get one", async () => {
    const { code, out, err } = await midrun(await emptyProject(), ["start"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^midrun: There is no .*src\/midrun\/index\.ts\.\n {2}.*midrun init.*\n$/);
  });
});

describe("a project", () => {
  it("trains, as sources and as what build made of them, and its job can be asked and listed", async () => {
    const directory = await emptyProject({
      "src/midrun/index.ts": `import { suffix } from "../names.ts";\n${quickTrainer('run"+suffix+"')}`,
      "src/names.ts": 'export const suffix: string = "-1";\n',
    });
    const run = await midrun(directory, ["start"]);
    expect(run).toMatchObject({ code: 0, err: "" });
    expect(run.out).toMatch(/step 2\/2.*\n(.*\n)*Completed\.\nSaved: .*\nAsk it: midrun chat (job_\w+)\n$/);

    expect(await midrun(directory, ["build"])).toMatchObject({ code: 0, err: "" });
    expect((await readdir(join(directory, "dist/midrun"), { recursive: true })).sort()).toEqual(
      ["manifest.json", "package.json", "src", "src/midrun", "src/midrun/index.js", "src/names.js"].map((path) =>
        join(path),
      ),
    );
    expect(await midrun(directory, ["start", "dist/midrun", "--json"])).toMatchObject({ code: 0, err: "" });

    const listed = await midrun(directory, ["jobs", "list", "--json"]);
    const jobs = JSON.parse(listed.out);
    expect(jobs.map(({ name, status }: { name: string; status: string }) => [name, status])).toEqual([
      ["run-1", "completed"],
      ["run-1", "completed"],
    ]);
    const { id } = jobs[0];
    const asked = await midrun(directory, ["chat", id, "-m", "Say red.", "--max-tokens", "2", "--json"]);
    expect(JSON.parse(asked.out)).toMatchObject({ object: "chat.completion" });

    expect((await midrun(directory, ["jobs", "show", id])).out).toMatch(/completed/);
    expect((await midrun(directory, ["jobs", "logs", id])).out).toMatch(/Training on 1 rows[\s\S]*Completed\./);
    const events = (await midrun(directory, ["jobs", "events", id, "--json"])).out.trim().split("\n");
    expect(events.map((line) => JSON.parse(line).type)).toEqual(
      expect.arrayContaining(["training.queued", "checkpoint.saved", "training.completed"]),
    );
    expect(await midrun(directory, ["jobs", "rm", id, "--yes"])).toMatchObject({ code: 0, err: "" });
    expect(await midrun(directory, ["jobs", "show", id])).toMatchObject({ code: 1, out: "" });
  });

  it.each([
    ["a type that Node cannot take away", "enum A { B }\nexport {}", /cannot be imported/],
    ["a misspelt field", quickTrainer("run", "maxStep: 1,"), /Unknown field "maxStep"\.\n {2}Did you mean "maxSteps"/],
    [
      "data that are not there",
      quickTrainer("run", 'evalDataset: { type: "file", path: "data/none.jsonl" },'),
      /Trainer "run": evalDataset names data\/none\.jsonl, and there is no/,
    ],
  ])("with %s is refused by build", async (_, source, reason) => {
    const { code, out, err } = await midrun(await emptyProject({ "src/midrun/index.ts": source }), ["build"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(reason);
  });

  it("that fails gives code 1 and the reason", async () => {
    const directory = await emptyProject({
      "src/midrun/index.ts": quickTrainer("run", "learningRate: 1e30, maxGradNorm: 0,"),
    });
    const { code, err } = await midrun(directory, ["start"]);
    expect(code).toBe(1);
    expect(err).toMatch(/^midrun: job job_\w+ failed: .+\n {2}.+\n$/);
  });
});

describe("without a project", () => {
  it("data check shows what a file would teach, and where a bad one is wrong", async () => {
    const row = '{"messages":[{"role":"user","content":"Say red."},{"role":"assistant","content":"red"}]}\n';
    const directory = await emptyProject({ "good.jsonl": row.repeat(2), "bad.jsonl": `${row}{"messages":\n` });
    const good = await midrun(directory, ["data", "check", "good.jsonl"]);
    expect(good).toMatchObject({ code: 0, err: "" });
    expect(good.out).toMatch(/2 rows \(chatml\), \d+ tokens[\s\S]*«red/);
    const { code, out, err } = await midrun(directory, ["data", "check", "bad.jsonl"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^midrun: .*bad\.jsonl:2/);
  });

  it("chat asks a base model, and says what to do about one that is not there", async () => {
    const directory = await emptyProject();
    const answer = await midrun(directory, ["chat", "midrun/nano", "-m", "Say red.", "--max-tokens", "3"]);
    expect(answer).toMatchObject({ code: 0, err: "" });
    expect(answer.out.trim()).not.toBe("");
    const { code, err } = await midrun(directory, ["chat", "job_none", "-m", "hi"]);
    expect(code).toBe(1);
    expect(err).toMatch(/^midrun: .*job_none.*\n {2}.+\n$/);
  });
});

describe("midrun dev", () => {
  it("shows a run that another terminal starts, and checks the project when it changes", async () => {
    const directory = await emptyProject({ "src/midrun/index.ts": quickTrainer("first") });
    const dev = startMidrun(directory, ["dev", "--port", "0"]);
    await dev.says(/Trainers: first\. Start one with: midrun start/);
    expect(await midrun(directory, ["start"])).toMatchObject({ code: 0 });
    await dev.says(/first: Completed\./);
    expect(dev.out).toMatch(/first: Training on 1 rows[\s\S]*first: step 2\/2/);

    await writeFile(join(directory, "src/midrun/index.ts"), quickTrainer("second"));
    await dev.says(/Reloaded: second\./);
    await writeFile(join(directory, "src/midrun/index.ts"), quickTrainer("third", "maxStep: 1,"));
    await dev.says(/cannot be used:\nmidrun: Unknown field "maxStep"/);

    dev.kill("SIGINT");
    expect(await dev.ended).toBe(0);
    expect(await readdir(join(directory, ".midrun"))).not.toContain("server.json");
  });
});
