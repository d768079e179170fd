/** A model's directory on this machine, downloaded when it must be, with its progress on the terminal. */
import { withHost } from "./engine.ts";
import { formatBytes } from "./format-bytes.ts";
import type { CliIo } from "./io.ts";

const clearLine = "\r\x1b[2K";

/** What goes to standard error, so that data on standard output stays data. Ctrl-C ends it; what has come is kept. */
export async function findModel(io: CliIo, name: string): Promise<string> {
  const stop = new AbortController();
  const release = io.onInterrupt(() => stop.abort());
  const progress = createDownloadDisplay(io);
  try {
    return await withHost(({ resolveModelDir, builtinModels }) =>
      resolveModelDir(name, {
        builtins: builtinModels,
        env: io.env,
        signal: stop.signal,
        onProgress: progress.show,
        onWarning: (message) => io.err(`${message}\n`),
      }),
    );
  } finally {
    progress.end();
    release();
  }
}

interface Loaded {
  file: string;
  loadedBytes: number;
  totalBytes: number | null;
}

/** One moving line on a terminal; elsewhere a line for each file that is complete. */
function createDownloadDisplay(io: Pick<CliIo, "err" | "columns">) {
  let isMoving = false;
  return {
    show({ file, loadedBytes, totalBytes }: Loaded): void {
      const isDone = loadedBytes === totalBytes;
      if (io.columns() === null) {
        if (isDone) io.err(`${file}  ${formatBytes(loadedBytes)}\n`);
        return;
      }
      const share = totalBytes ? `${Math.floor((100 * loadedBytes) / totalBytes)} %  ` : "";
      const total = totalBytes === null ? "" : ` of ${formatBytes(totalBytes)}`;
      io.err(`${clearLine}${file}  ${share}${formatBytes(loadedBytes)}${total}${isDone ? "\n" : ""}`);
      isMoving = !isDone;
    },
    /** Leaves the moving line standing. */
    end(): void {
      if (isMoving) io.err("\n");
    },
  };
}
