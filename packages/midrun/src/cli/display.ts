/** How a run is shown: a line that moves on a terminal, a line for each event elsewhere, JSON lines for programs. */
import type { JobEvent } from "../protocol/event.ts";
import type { CliIo } from "./io.ts";
import { applyProgress, noProgress, renderEvent, renderProgress } from "./progress.ts";

export interface Display {
  event(event: JobEvent): void;
  /** A remark to the person who watches. */
  note(text: string): void;
  /** Leaves the moving line standing. */
  end(): void;
}

export function createDisplay(io: CliIo, { json }: { json: boolean }): Display {
  if (json) {
    // Standard output is for data: what a callback prints goes beside it.
    const release = io.divert((text) => io.err(text));
    return {
      event: (event) => io.out(`${JSON.stringify(event)}\n`),
      note: (text) => io.err(`${text}\n`),
      end: release,
    };
  }
  return io.columns() === null ? plainDisplay(io) : movingDisplay(io);
}

function plainDisplay(io: CliIo): Display {
  let progress = noProgress;
  return {
    event: (event) => {
      progress = applyProgress(progress, event);
      io.out(`${renderEvent(event) ?? renderProgress(progress)}\n`);
    },
    note: (text) => io.err(`${text}\n`),
    end: () => undefined,
  };
}

const clearLine = "\r\x1b[2K";

/** The progress line stays the last one: whatever is printed, by us or by a callback, goes above it. */
function movingDisplay(io: CliIo): Display {
  let progress = noProgress;
  let moving = "";
  /** Whether somebody else's line is not ended yet: nothing of ours may follow on it. */
  let isOpen = false;

  const write = (text: string, next: string) => {
    io.out((isOpen ? "\n" : moving === "" ? "" : clearLine) + text + next);
    isOpen = false;
    moving = next;
  };
  const print = (line: string | null) =>
    write(
      line === null ? "" : `${line}\n`,
      progress === noProgress ? moving : renderProgress(progress, (io.columns() ?? 80) - 1),
    );
  const printForeign = (text: string) => {
    if (isOpen || !text.endsWith("\n")) {
      io.out((moving === "" ? "" : clearLine) + text);
      isOpen = !text.endsWith("\n");
      if (isOpen) moving = "";
      else print(null);
    } else write(text, moving);
  };

  const release = io.divert(printForeign);
  return {
    event: (event) => {
      progress = applyProgress(progress, event);
      print(renderEvent(event));
    },
    note: (text) => print(text),
    end: () => {
      release();
      if (moving !== "" || isOpen) io.out("\n");
      moving = "";
    },
  };
}
