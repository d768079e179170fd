/** Which files of its own a project's entry imports, found by importing it. */
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

export interface ProjectModule {
  path: string;
  /** What it imports of the project, as written, and the path that each means. */
  imports: Map<string, string>;
}

/** Imports `entry` with `load` and gives every module below it that belongs to no package. Dynamic imports count only when they ran. */
export async function traceModules<T>(entry: string, load: () => Promise<T>): Promise<[T, ProjectModule[]]> {
  const modules = new Map<string, ProjectModule>();
  const moduleOf = (url: string): ProjectModule => {
    const known = modules.get(url);
    if (known) return known;
    const made = { path: fileURLToPath(url), imports: new Map<string, string>() };
    modules.set(url, made);
    return made;
  };
  moduleOf(pathToFileURL(entry).href);
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const parent = context.parentURL && modules.get(context.parentURL);
      if (parent && isOwn(specifier)) parent.imports.set(specifier, moduleOf(resolved.url).path);
      return resolved;
    },
  });
  try {
    const loaded = await load();
    return [loaded, [...modules.values()]];
  } finally {
    hooks.deregister();
  }
}

/** Names of packages begin otherwise, wherever they are linked to. */
const isOwn = (specifier: string) => /^(\.{0,2}\/|file:)/.test(specifier);
