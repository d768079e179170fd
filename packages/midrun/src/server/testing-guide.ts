/** For tests: the code of a page of the documentation, run as its reader would run it. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "vitest";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** What only a test may change in a program: any port, and a model so small that it learns in seconds. */
export type Replacements = readonly (readonly [found: string, by: string])[];

/** For a program that serves on a port and calls itself. */
export const anyPort: Replacements = [
  ["port: 4717", "port: 0"],
  ['"http://127.0.0.1:4717/v1"', 'new URL("/v1", server.url).href'],
];

/** The TypeScript blocks of a page, `docs/page.md`. */
export async function readBlocks(page: string): Promise<string[]> {
  const text = await readFile(join(root, page), "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!);
}

/** Each text stands in the program exactly once. */
export function replaceIn(program: string, replacements: Replacements): string {
  return replacements.reduce((code, [found, by]) => {
    expect(code.split(found)).toHaveLength(2);
    return code.replace(found, () => by);
  }, program);
}

export interface GuideFolder {
  dir: string;
  /** Runs the program and returns what it prints. Fails when it ends with an error or prints one. */
  run(program: string): Promise<string>;
  remove(): Promise<void>;
}

/** A project of a reader: a folder with midrun and its dependencies installed. */
export async function createGuideFolder(): Promise<GuideFolder> {
  const dir = await mkdtemp(join(tmpdir(), "midrun-guide-"));
  await writeFile(join(dir, "package.json"), '{"type":"module"}');
  await symlink(join(root, "node_modules"), join(dir, "node_modules"));
  const flags = ["--conditions=midrun-source", "--disable-warning=ExperimentalWarning"];
  return {
    dir,
    async run(program) {
      const path = join(dir, "guide.ts");
      await writeFile(path, program);
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, path], { cwd: dir });
      expect(stderr).toBe("");
      return stdout;
    },
    remove: () => rm(dir, { recursive: true }),
  };
}
