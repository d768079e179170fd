/** For tests of the command as people run it: built, in a folder of its own, with nothing of the tests' environment. */
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const bin = join(root, "packages/midrun/bin/midrun.js");
const built = ["packages/engine/dist/worker.js", "packages/midrun/dist/cli/main.js"];

/** Builds both packages unless their last build is newer than every source. Test files that do so at the same time take turns. */
export async function buildPackages(): Promise<void> {
  const lock = join(root, "node_modules/.midrun-build.lock");
  while (!(await take(lock))) await delay(200);
  try {
    if (await isStale()) await promisify(execFile)(join(root, "node_modules/.bin/tsdown"), { cwd: root });
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const madeAt = await stat(lock).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    // Whoever took it was killed: a build takes seconds.
    if (Date.now() - madeAt > 180_000) await rm(lock, { recursive: true, force: true });
    return false;
  }
}

async function isStale(): Promise<boolean> {
  const builtAt = await Promise.all(built.map((path) => timeOf(join(root, path))));
  const sources = await Promise.all(
    ["engine", "midrun"].map((name) => newestBelow(join(root, "packages", name, "src"))),
  );
  return Math.min(...builtAt) < Math.max(...sources);
}

const timeOf = (path: string) =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

async function newestBelow(directory: string): Promise<number> {
  const files = (await readdir(directory, { recursive: true })).filter((path) => /(?<!\.test)\.[jt]s$/.test(path));
  return Math.max(...(await Promise.all(files.map((path) => timeOf(join(directory, path))))));
}

/** An empty folder that can import midrun, until the test ends. */
export async function emptyProject(files: Record<string, string> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "midrun-built-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, "node_modules"));
  await symlink(join(root, "packages/midrun"), join(directory, "node_modules/midrun"), "dir");
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(directory, path, ".."), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  return directory;
}

export interface Running {
  pid: number;
  /** What it wrote so far. */
  out: string;
  err: string;
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | string>;
  /** Resolves once `out` and `err` together match. Rejects when it ended without. */
  says(what: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts the built command; it is killed when the test ends. */
export function startMidrun(cwd: string, argv: readonly string[], env: Record<string, string> = {}): Running {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, [bin, ...argv], {
    cwd,
    // No hub: nothing may be downloaded.
    env: { PATH, HOME, HF_HUB_OFFLINE: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const changed = new EventTarget();
  const ended = new Promise<number | string>((resolve) =>
    child.once("close", (code, signal) => resolve(code ?? signal ?? "")),
  );
  const running: Running = {
    pid: child.pid!,
    out: "",
    err: "",
    ended,
    says: (what) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = what.exec(running.out + running.err);
          if (found) resolve(found);
        };
        changed.addEventListener("output", look);
        void ended.then((code) => {
          look();
          reject(
            new Error(
              `midrun ${argv.join(" ")} ended with ${code} and never said ${what}: ${running.out}${running.err}`,
            ),
          );
        });
        look();
      }),
    kill: (signal) => void child.kill(signal),
  };
  const take = (field: "out" | "err") => (text: string) => {
    running[field] += text;
    changed.dispatchEvent(new Event("output"));
  };
  child.stdout.setEncoding("utf8").on("data", take("out"));
  child.stderr.setEncoding("utf8").on("data", take("err"));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return running;
}

/** Runs the built command to its end. */
export async function midrun(cwd: string, argv: readonly string[], env?: Record<string, string>) {
  const running = startMidrun(cwd, argv, env);
  const code = await running.ended;
  return { code, out: running.out, err: running.err };
}
