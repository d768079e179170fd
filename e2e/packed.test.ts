/** What people install: both packages as npm packs them, with the dependencies that they name and no others. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../", import.meta.url));
const packages = ["packages/engine", "packages/midrun"];

let project: string;
const modules = (name: string) => join(project, "node_modules", name);

async function install(path: string): Promise<void> {
  const { name, dependencies } = JSON.parse(await readFile(join(root, path, "package.json"), "utf8"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", project], { cwd: join(root, path) });
  await mkdir(modules(name), { recursive: true });
  await run("tar", ["xzf", join(project, JSON.parse(stdout)[0].filename), "-C", modules(name), "--strip-components=1"]);
  for (const dependency of Object.keys(dependencies).filter((each) => !each.startsWith("@midrun/"))) {
    await mkdir(dirname(modules(dependency)), { recursive: true });
    await symlink(join(root, "node_modules", dependency), modules(dependency)).catch((error) => {
      if (error.code !== "EEXIST") throw error; // both name it
    });
  }
}

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "midrun-packed-"));
  await run(join(root, "node_modules/.bin/tsdown"), { cwd: root });
  for (const path of packages) await install(path);
}, 240_000);
afterAll(() => rm(project, { recursive: true }));

/** As `npx midrun` would, with this Node. */
const midrun = (...argv: string[]) =>
  run(process.execPath, [modules("midrun/bin/midrun.js"), ...argv], {
    cwd: project,
    env: { PATH: process.env.PATH, HOME: project, HF_HUB_OFFLINE: "1" },
  });

test("makes a project, trains it, and answers", async () => {
  expect((await midrun("init")).stdout).toContain("wrote src/midrun/index.ts");
  const { stdout, stderr } = await midrun("start");
  expect(stderr).toBe("");
  const [, job] = /\nCompleted\.[\s\S]*\nAsk it: midrun chat (job_\w+)\n$/.exec(stdout)!;
  const answer = await midrun("chat", job!, "--message", "Where is my parcel?", "--max-tokens", "4", "--json");
  expect(JSON.parse(answer.stdout)).toMatchObject({ object: "chat.completion" });
  expect((await midrun("doctor")).stdout).toContain("built in: midrun/nano");
});
