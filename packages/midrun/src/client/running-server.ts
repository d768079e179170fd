/** How programs on one machine find the server that already works on their data directory: it leaves its address there. */

const fileName = "server.json";
const answerWithinMs = 2000;

export interface RunningServer {
  /** Origin, without a trailing slash. */
  url: string;
  pid: number;
}

/** Tells others where the server of `dataDir` listens. Gives the function that takes it back. */
export async function announceServer(dataDir: string, server: RunningServer): Promise<() => Promise<void>> {
  const [{ mkdir, rename, rm, writeFile }, { join }] = await Promise.all([
    import("node:fs/promises"),
    import("node:path"),
  ]);
  const path = join(dataDir, fileName);
  await mkdir(dataDir, { recursive: true });
  const temporary = `${path}.${server.pid}.tmp`;
  await writeFile(temporary, JSON.stringify(server));
  await rename(temporary, path);
  return () => rm(path, { force: true });
}

/** The server that was announced in `dataDir` and still answers; null when there is none, as after a crash. */
export async function findServer(dataDir: string): Promise<RunningServer | null> {
  const server = await readAnnouncement(dataDir);
  return server && isAlive(server.pid) && (await answers(server.url)) ? server : null;
}

async function readAnnouncement(dataDir: string): Promise<RunningServer | null> {
  const [{ readFile }, { join }] = await Promise.all([import("node:fs/promises"), import("node:path")]);
  try {
    const { url, pid } = JSON.parse(await readFile(join(dataDir, fileName), "utf8"));
    return typeof url === "string" && Number.isSafeInteger(pid) ? { url, pid } : null;
  } catch {
    return null; // none, or one that a crash left half-written: no server announced itself here
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // another user's
  }
}

/** Process ids come back: only an answer with our header is a server of ours. */
async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/v1/models`, { signal: AbortSignal.timeout(answerWithinMs) });
    await response.body?.cancel();
    return response.headers.has("x-request-id");
  } catch {
    return false; // nobody listens there any more
  }
}
