/** What midrun needs of a machine, each as a question with an answer and a fix. */
import { access, constants, stat, statfs } from "node:fs/promises";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { dirname, resolve } from "node:path";
import { findServer } from "../../client/running-server.ts";
import { withEngine } from "../engine.ts";
import { formatBytes } from "../format-bytes.ts";
import { freePort } from "../free-port.ts";
import type { CliIo } from "../io.ts";

export interface Finding {
  status: "ok" | "warning" | "failed";
  found: string;
  /** Unless it is ok. */
  fix?: string;
}

export interface Check {
  name: string;
  look(io: CliIo): Promise<Finding> | Finding;
}

const ok = (found: string): Finding => ({ status: "ok", found });
const warning = (found: string, fix: string): Finding => ({ status: "warning", found, fix });
const failed = (found: string, fix: string): Finding => ({ status: "failed", found, fix });

const gigabyte = 1e9;
/** Enough for a small model and its checkpoints; much less, and a first run fills the disk. */
const comfortable = { memory: 4 * gigabyte, disk: 5 * gigabyte };
const least = { disk: 0.2 * gigabyte };

export const checks: readonly Check[] = [
  { name: "Node.js", look: () => nodeVersion(process.versions.node) },
  { name: "ONNX Runtime", look: runtimeLoads },
  { name: "Processor", look: processor },
  { name: "Memory", look: memory },
  { name: "Data directory", look: dataDirectory },
  { name: "Disk", look: disk },
  { name: "Port", look: port },
];

/** Only when asked for: the one check that goes out of the machine. */
export const hubCheck: Check = { name: "Hub", look: hub };

export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return ok(version);
  return failed(version, "Install Node.js 22.18 or newer: https://nodejs.org");
}

async function runtimeLoads(): Promise<Finding> {
  try {
    const models = await withEngine(async ({ builtinModels }) => Object.keys(builtinModels));
    return ok(`it loads; built in: ${models.join(", ")}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failed(reason, "Reinstall midrun on this machine: native parts do not move from one platform to another.");
  }
}

function processor(): Finding {
  const threads = availableParallelism();
  const all = cpus();
  const model = all[0]?.model.trim() || "unknown";
  return threads < all.length
    ? ok(`${model}, ${threads} of ${all.length} threads for this process`)
    : ok(`${model}, ${threads} threads`);
}

function memory(): Finding {
  const limit = process.constrainedMemory();
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const found = `${formatBytes(total)}, ${formatBytes(Math.min(total, freemem()))} free`;
  return total < comfortable.memory
    ? warning(found, "Train small models, with a small batchSize and maxLength.")
    : ok(found);
}

async function dataDirectory({ settings, cwd }: CliIo): Promise<Finding> {
  const path = resolve(cwd, settings.dataDir);
  const existing = await nearestExisting(path);
  if (!(await stat(existing)).isDirectory())
    return failed(`${existing} is a file`, "Choose another one with --data-dir.");
  try {
    await access(existing, constants.W_OK | constants.X_OK);
    return ok(existing === path ? path : `${path}, which will be made`);
  } catch {
    return failed(`${existing} cannot be written`, "Change its permissions, or choose another one with --data-dir.");
  }
}

async function nearestExisting(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere || path === dirname(path) ? path : nearestExisting(dirname(path));
}

async function disk({ settings, cwd }: CliIo): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearestExisting(resolve(cwd, settings.dataDir)));
  return diskSpace(bavail * bsize);
}

export function diskSpace(bytes: number): Finding {
  const found = `${formatBytes(bytes)} free`;
  if (bytes < least.disk)
    return failed(found, "Make room, or choose a data directory on another disk with --data-dir.");
  return bytes < comfortable.disk ? warning(found, "Set keepCheckpoints, or make room.") : ok(found);
}

async function port({ settings, cwd }: CliIo): Promise<Finding> {
  const { host, port: wanted, dataDir } = settings;
  const running = await findServer(resolve(cwd, dataDir));
  if (running) return ok(`a midrun server of this data directory listens at ${running.url}`);
  const free = await freePort(host, wanted);
  if (free === wanted) return ok(`${host}:${wanted} is free`);
  return warning(`${host}:${wanted} is taken`, `midrun dev takes ${free}; midrun serve needs --port.`);
}

async function hub({ env }: CliIo): Promise<Finding> {
  const endpoint = env.HF_ENDPOINT || "https://huggingface.co";
  try {
    const response = await fetch(`${endpoint}/api/models?limit=1`, { signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    if (response.ok) return ok(`${endpoint} answers`);
    return warning(`${endpoint} answers ${response.status}`, "Try again later, or check HF_ENDPOINT and HF_TOKEN.");
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    return warning(
      `${endpoint} cannot be reached: ${reason}`,
      "Check the network and HF_ENDPOINT. Local models work without.",
    );
  }
}
