/** A server in a process of its own, as its users see it, and as the system does. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { JobEvent } from "../../protocol/event.ts";
import type { Job } from "../../protocol/job.ts";
import type { ServerProcessOptions } from "./server-process.ts";

const script = fileURLToPath(new URL("./server-process.ts", import.meta.url));

/** A directory that goes when the test does. */
export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "midrun-faults-"));
  // A worker that is just being killed may still write.
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  return dir;
}

export interface ServerChild {
  url: string;
  port: number;
  pid: number;
  /** Process ids of its workers. */
  workers(): Promise<number[]>;
  /** kill -9 of the server; resolves when it is gone. */
  kill(): Promise<void>;
}

export async function startServerChild(
  options: ServerProcessOptions,
  env: NodeJS.ProcessEnv = {},
): Promise<ServerChild> {
  const args = ["--conditions=midrun-source", "--disable-warning=ExperimentalWarning", script, JSON.stringify(options)];
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  onTestFinished(kill);
  const [url] = await Promise.race([
    once(child.stdout!, "data"),
    once(child, "exit").then(([code]) =>
      Promise.reject(new Error(`The server ended with ${code} before it listened.`)),
    ),
  ]);
  const pid = child.pid!;
  const workers = async () => {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
    return text.split(" ").filter(Boolean).map(Number);
  };
  return { url: String(url), port: Number(new URL(String(url)).port), pid, workers, kill };
}

/** Every event of the job with an id above `after`. */
export async function eventsAfter(url: string, jobId: string, after: number): Promise<JobEvent[]> {
  const response = await fetch(`${url}/v1/jobs/${jobId}/events?after=${after}&limit=1000`);
  return ((await response.json()) as { data: JobEvent[] }).data;
}

export async function submit(url: string, spec: object): Promise<Job> {
  const response = await fetch(`${url}/v1/jobs`, { method: "POST", body: JSON.stringify(spec) });
  const job = (await response.json()) as Job;
  if (!response.ok) throw new Error(JSON.stringify(job));
  return job;
}

export interface Usage {
  rssMiB: number;
  openFiles: number;
}

/** What the process takes now; null when it is gone. */
export async function usageOf(pid: number): Promise<Usage | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const files = await readdir(`/proc/${pid}/fd`);
    return { rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024, openFiles: files.length };
  } catch {
    return null;
  }
}
