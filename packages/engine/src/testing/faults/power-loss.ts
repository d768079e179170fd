/**
 * A disk whose power goes: real files, mirrored in a model of what is durable. A file's bytes are durable once it was fsynced, a
 * name once its directory was. After every call the model can be turned into a directory that a machine might find when it is
 * switched on again.
 */
import type { FileHandle } from "node:fs/promises";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { type FileSystem, nodeFileSystem } from "../../io/file-system.ts";

interface FileNode {
  kind: "file";
  content: Buffer;
  durable: Buffer;
}

type Names = Map<string, Node>;
/** One change of a directory; a rename within it is a single one. */
type Change = (names: Names) => void;

interface DirNode {
  kind: "dir";
  names: Names;
  durable: Names;
  /** Changes since the last fsync, oldest first. */
  pending: Change[];
}

type Node = FileNode | DirNode;

const newDir = (): DirNode => ({ kind: "dir", names: new Map(), durable: new Map(), pending: [] });

/** What the power cut leaves of what was not fsynced. */
export interface Loss {
  /** The changes of a directory that survive. */
  changes<T>(pending: readonly T[]): T[];
  /** The bytes of a file that survive. */
  bytes(content: Buffer, durable: Buffer): Buffer;
}

const zeros = (length: number) => Buffer.alloc(length);

/** The two extremes, and the order that journals with late data keep: all names, and no bytes behind them. */
export const losses: Record<string, Loss> = {
  "everything unsynced is lost": { changes: () => [], bytes: (_, durable) => durable },
  "nothing is lost": { changes: (pending) => [...pending], bytes: (content) => content },
  "names survive, bytes do not": { changes: (pending) => [...pending], bytes: (_, durable) => durable },
  "bytes become zeros": {
    changes: (pending) => [...pending],
    bytes: (content, durable) => Buffer.concat([durable, zeros(Math.max(0, content.length - durable.length))]),
  },
};

/** Any part of what was not fsynced survives. */
export const randomLoss = (next: () => number): Loss => ({
  changes: (pending) => pending.filter(() => next() < 0.5),
  bytes(content, durable) {
    const unsynced = Math.max(0, content.length - durable.length);
    return content.subarray(0, durable.length + Math.floor(next() * (unsynced + 1)));
  },
});

export interface PowerLossDisk {
  fs: FileSystem;
  /** Writes what a power cut at this moment leaves of the disk to the empty directory `to`. */
  crashInto(to: string, loss: Loss): Promise<void>;
}

/** `root` exists and is durable. `afterCall` is awaited behind each call that changes the disk or makes it durable. */
export function createPowerLossDisk(root: string, afterCall: (call: string) => Promise<void>): PowerLossDisk {
  const top = newDir();

  const find = (path: string): Node | undefined => {
    const parts = relative(root, path).split(/[\\/]/).filter(Boolean);
    return parts.reduce<Node | undefined>((at, name) => (at?.kind === "dir" ? at.names.get(name) : undefined), top);
  };
  const dirOf = (path: string) => find(path) as DirNode;
  const parentOf = (path: string) => dirOf(dirname(path));
  const change = (dir: DirNode, apply: Change) => {
    apply(dir.names);
    dir.pending.push(apply);
  };

  function makeDirs(path: string): void {
    if (find(path) !== undefined) return;
    makeDirs(dirname(path));
    const made = newDir();
    change(parentOf(path), (names) => names.set(basename(path), made));
  }

  function remove(path: string): void {
    const node = find(path);
    if (node === undefined) return;
    if (node.kind === "dir") for (const name of [...node.names.keys()]) remove(join(path, name));
    change(parentOf(path), (names) => names.delete(basename(path)));
  }

  function openForWriting(path: string): FileNode {
    const old = find(path);
    if (old?.kind === "file") {
      old.content = Buffer.alloc(0);
      return old;
    }
    const made: FileNode = { kind: "file", content: Buffer.alloc(0), durable: Buffer.alloc(0) };
    change(parentOf(path), (names) => names.set(basename(path), made));
    return made;
  }

  function fsync(node: Node): void {
    if (node.kind === "file") node.durable = Buffer.from(node.content);
    else [node.durable, node.pending] = [new Map(node.names), []];
  }

  function write(node: FileNode, bytes: Uint8Array, position: number | null): void {
    const at = position ?? node.content.length;
    const grown = Buffer.concat([node.content, zeros(Math.max(0, at + bytes.length - node.content.length))]);
    grown.set(bytes, at);
    node.content = grown;
  }

  const wrapHandle = (handle: FileHandle, path: string): FileHandle =>
    new Proxy(handle, {
      get(target, name: string) {
        const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
        if (name !== "write" && name !== "sync") return typeof method === "function" ? method.bind(target) : method;
        return async (...args: unknown[]) => {
          const result = await method.apply(target, args);
          const node = find(path)!;
          if (name === "sync") fsync(node);
          else {
            const [bytes, at, length, position] = args as [Uint8Array, number, number, number | null];
            write(node as FileNode, bytes.subarray(at, at + length), position);
          }
          await afterCall(`${name} ${relative(root, path)}`);
          return result;
        };
      },
    });

  const mirrored: { [N in keyof FileSystem]?: (...args: never[]) => void } = {
    mkdir: (path: string) => makeDirs(path),
    rm: (path: string) => remove(path),
    rename(from: string, to: string) {
      const node = find(from)!;
      change(parentOf(from), (names) => {
        names.delete(basename(from));
        names.set(basename(to), node);
      });
    },
    copyFile(from: string, to: string) {
      const source = find(from);
      write(openForWriting(to), source?.kind === "file" ? source.content : zeros(1), null);
    },
  };

  const fs = new Proxy(nodeFileSystem, {
    get(target, name: keyof FileSystem) {
      const method = target[name] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        const result = await method(...args);
        const [path, flags] = args as [string, string?];
        if (name === "open") {
          if (flags === "w") {
            openForWriting(path);
            await afterCall(`create ${relative(root, path)}`);
          }
          return wrapHandle(result as FileHandle, path);
        }
        const mirror = mirrored[name] as ((...args: unknown[]) => void) | undefined;
        if (mirror === undefined) return result;
        mirror(...args);
        await afterCall(`${name} ${relative(root, path)}`);
        return result;
      };
    },
  });

  async function writeOut(dir: DirNode, to: string, loss: Loss): Promise<void> {
    const names = new Map(dir.durable);
    for (const apply of loss.changes(dir.pending)) apply(names);
    for (const [name, node] of names) {
      const path = join(to, name);
      if (node.kind === "file") await writeFile(path, loss.bytes(node.content, node.durable));
      else {
        await mkdir(path);
        await writeOut(node, path, loss);
      }
    }
  }

  return { fs, crashInto: (to, loss) => writeOut(top, to, loss) };
}
