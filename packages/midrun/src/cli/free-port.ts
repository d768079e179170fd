/** The first port that nobody uses. */
import { createServer } from "node:net";

/** Most ports that are tried. */
const attempts = 20;

/** `port` when it is free, else the next one that is; `port` itself when none of twenty is, for the server to tell of. */
export async function freePort(host: string, port: number): Promise<number> {
  if (port === 0) return port;
  for (let candidate = port; candidate < Math.min(port + attempts, 65_536); candidate++) {
    if (await isFree(host, candidate)) return candidate;
  }
  return port;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(false) : reject(error),
    );
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}
