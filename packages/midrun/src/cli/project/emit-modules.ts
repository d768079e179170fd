/** A project's modules as plain JavaScript: types taken away, everything else as it was written. */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { dirname, extname, isAbsolute, join, relative, sep } from "node:path";
import { MidrunError } from "../../errors.ts";
import type { ProjectModule } from "./module-graph.ts";

export interface EmittedFile {
  /** Below the output directory, with slashes. */
  path: string;
  sizeBytes: number;
  sha256: string;
}

const emittedExtension: Readonly<Record<string, string>> = { ".ts": ".js", ".mts": ".mjs" };

/** Where a module of the project goes: the same place, with the extension of JavaScript. Throws `invalid_config` outside of `root`. */
export function emittedPath(root: string, path: string): string {
  const inside = relative(root, path);
  if (inside.startsWith("..") || isAbsolute(inside)) {
    throw new MidrunError("invalid_config", `${path} is imported, but lies outside of ${root}.`, {
      param: "entry",
      hint: "Run midrun build in the directory that holds everything it imports, or make that a package.",
    });
  }
  const extension = extname(inside);
  const changed = emittedExtension[extension];
  return (changed ? inside.slice(0, -extension.length) + changed : inside).split(sep).join("/");
}

/** Writes every module below `out`. */
export async function emitModules(
  root: string,
  out: string,
  modules: readonly ProjectModule[],
): Promise<EmittedFile[]> {
  const places = modules.map((module) => ({ module, path: emittedPath(root, module.path) }));
  return Promise.all(
    places.map(async ({ module, path }) => {
      const content = toJavaScript(module, await readFile(module.path, "utf8"));
      await mkdir(dirname(join(out, path)), { recursive: true });
      await writeFile(join(out, path), content);
      const bytes = Buffer.from(content);
      return { path, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
    }),
  );
}

function toJavaScript({ path, imports }: ProjectModule, source: string): string {
  if (!(extname(path) in emittedExtension)) return source;
  const renamed = [...imports].filter(([, target]) => extname(target) in emittedExtension);
  return renamed.reduce((text, [specifier]) => renameSpecifier(text, specifier), stripTypeScriptTypes(source));
}

/** Only where it is a module's name: after `from`, `import` or `import(`. */
function renameSpecifier(text: string, specifier: string): string {
  const literal = specifier.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const changed = specifier.replace(/\.(m?)ts$/, ".$1js");
  return text.replace(new RegExp(`(\\b(?:from|import)\\s*\\(?\\s*)(["'])${literal}\\2`, "g"), `$1$2${changed}$2`);
}
