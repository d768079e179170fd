import { readdir, readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const packages = fileURLToPath(new URL("../..", import.meta.url));

interface Import {
  /** Relative to the package's `src`. */
  from: string;
  /** A path relative to `src`, or the specifier of a package. */
  to: string;
  kind: "static" | "type" | "dynamic";
}

/** What each part may import, besides itself. Data flows down: a part that is not listed may not be imported. */
const midrunParts: Record<string, string[]> = {
  "index.ts": ["trainer", "client", "protocol", "errors.ts"],
  "testing.ts": ["server", "client", "protocol", "errors.ts"],
  cli: ["server", "client", "trainer", "protocol", "errors.ts"],
  trainer: ["client", "protocol", "errors.ts"],
  client: ["protocol", "errors.ts"],
  server: ["protocol", "errors.ts"],
  protocol: ["errors.ts"],
  "errors.ts": [],
};

/** In order: each may import those before it, and those beside it nothing of each other. A new file needs its place. */
const engineLayers = [
  ["util.ts", "spec.ts"],
  ["graph", "random.ts", "schedule.ts"],
  ["onnx", "dropout.ts"],
  ["nn.ts"],
  ["models"],
  ["text", "io", "optim.ts"],
  ["data", "base-model.ts", "builtin-models.ts"],
  ["decode", "training"],
  ["train.ts", "bench", "tools", "export"],
  ["worker-protocol.ts", "worker-path.ts"],
  ["serve-worker.ts"],
  ["worker.ts", "host.ts"],
  ["index.ts"],
];

/** Where the rule has a door: dynamic imports that only run when there is a file system or no server elsewhere. */
const lazyNode = [
  "client/local.ts",
  "client/running-server.ts",
  "trainer/local-paths.ts",
  "trainer/run-trainer.ts",
  "trainer/finetune/local-files.ts",
];
const lazyServer = "client/local.ts";
const engineUsers = ["server/runners/", "cli/engine.ts"];

const partOf = (path: string) => path.split("/")[0]!;
const isTest = (path: string) =>
  /\.test\.ts$|(^|\/)(scripted-fetch|fake-job-server|fake-io)\.ts$|(^|\/)testing[-/]/.test(path);
const isBrowserSafe = (path: string) =>
  ["index.ts", "trainer", "client", "protocol", "errors.ts"].includes(partOf(path));
const show = ({ from, to, kind }: Import) => `${from} → ${to} (${kind})`;

async function importsOf(name: string): Promise<Import[]> {
  const src = join(packages, name, "src");
  const files = (await readdir(src, { recursive: true })).filter((path) => path.endsWith(".ts") && !isTest(path));
  const found = await Promise.all(
    files.map(async (path) => readImports(path.replaceAll("\\", "/"), await readFile(join(src, path), "utf8"))),
  );
  return found.flat();
}

function readImports(from: string, text: string): Import[] {
  const source = ts.createSourceFile(from, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const add = (specifier: ts.Node | undefined, kind: Import["kind"]) => {
    if (!specifier || !ts.isStringLiteral(specifier)) return;
    const { text: to } = specifier;
    imports.push({
      from,
      kind,
      to: to.startsWith(".") ? normalize(join(dirname(from), to)).replaceAll("\\", "/") : to,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node) ? "type" : "static");
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly ? "type" : "static");
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, "type");
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], "dynamic");
    ts.forEachChild(node, visit);
  };
  visit(source);
  return imports;
}

const isTypeOnly = ({ importClause }: ts.ImportDeclaration) =>
  importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;

const midrun = await importsOf("midrun");
const engine = await importsOf("engine");
const isRelative = ({ to }: Import) => to.endsWith(".ts") || to.endsWith(".js");

describe("midrun's imports", () => {
  it("point down: index → trainer → client → protocol → errors, cli → server | client | trainer", () => {
    const isAllowed = ({ from, to }: Import) =>
      partOf(from) === partOf(to) ||
      (midrunParts[partOf(from)] ?? []).includes(partOf(to)) ||
      (from === lazyServer && to === "server/index.ts");
    expect(
      midrun
        .filter(isRelative)
        .filter((each) => !isAllowed(each))
        .map(show),
    ).toEqual([]);
  });

  it("keep the SDK browser-safe: Node's modules only lazily, in files that say why", () => {
    const isNode = ({ to }: Import) => to.startsWith("node:") || to.startsWith("@hono/node-server");
    const offends = ({ from, kind }: Import) => kind !== "dynamic" || !lazyNode.includes(from);
    const found = midrun.filter((each) => isBrowserSafe(each.from) && isNode(each) && offends(each));
    expect(found.map(show)).toEqual([]);
  });

  it("load the server only when it is needed", () => {
    const offends = ({ from, to, kind }: Import) => isBrowserSafe(from) && partOf(to) === "server" && kind === "static";
    expect(midrun.filter(offends).map(show)).toEqual([]);
  });

  it("reach the engine from the runners and one file of the command line, dynamically", () => {
    const offends = ({ from, kind }: Import) =>
      kind !== "type" && (kind === "static" || !engineUsers.some((path) => from.startsWith(path)));
    const found = midrun.filter((each) => each.to.startsWith("@midrun/engine") && offends(each));
    expect(found.map(show)).toEqual([]);
  });
});

describe("the engine's imports", () => {
  const layerOf = (path: string) => engineLayers.findIndex((layer) => layer.includes(partOf(path)));

  it("belong to a layer each", () => {
    const parts = new Set(engine.map(({ from }) => partOf(from)));
    expect([...parts].filter((part) => layerOf(part) < 0)).toEqual([]);
  });

  it("point down: util → graph → onnx → nn → models → optim | text | data | decode | io → train → worker", () => {
    const isAllowed = ({ from, to }: Import) => partOf(from) === partOf(to) || layerOf(to) < layerOf(from);
    expect(
      engine
        .filter(isRelative)
        .filter((each) => !isAllowed(each))
        .map(show),
    ).toEqual([]);
  });

  it("never reach for midrun", () => {
    expect(engine.filter(({ to }) => to === "midrun" || to.startsWith("midrun/")).map(show)).toEqual([]);
  });

  it("reach ONNX Runtime from one place", () => {
    const users = engine.filter(({ to, kind }) => to === "onnxruntime-node" && kind !== "type").map(({ from }) => from);
    expect(users.filter((from) => from !== "onnx/session.ts")).toEqual([]);
  });
});

describe("reading imports", () => {
  it("finds every kind, so that none escapes the rules", () => {
    const text = `
      import a from "./a.ts"; import type { B } from "../b.ts"; export * from "./c.ts"; export type { D } from "./d.ts";
      import "./e.ts"; const f = () => import("./f.ts"); type G = import("./g.ts").G; import { type H, i } from "node:fs";`;
    expect(readImports("x/y.ts", text).map(show)).toEqual([
      "x/y.ts → x/a.ts (static)",
      "x/y.ts → b.ts (type)",
      "x/y.ts → x/c.ts (static)",
      "x/y.ts → x/d.ts (type)",
      "x/y.ts → x/e.ts (static)",
      "x/y.ts → x/f.ts (dynamic)",
      "x/y.ts → x/g.ts (type)",
      "x/y.ts → node:fs (static)",
    ]);
  });
});
