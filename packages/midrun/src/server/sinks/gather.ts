/** Gives what an iterable gives, in pages: reading goes on while a page is worked on, but not without limit. */

export interface GatherOptions {
  /** Most items in a page, and most that are held. */
  pageSize: number;
  /** Waited for between a page's first item and its end. */
  pause: () => Promise<void>;
}

/** Ends with the iterable. Leaving the loop leaves it too. */
export async function* gather<T>(items: AsyncIterable<T>, { pageSize, pause }: GatherOptions): AsyncGenerator<T[]> {
  const iterator = items[Symbol.asyncIterator]();
  let held: T[] = [];
  let ended = false;
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };

  async function read(): Promise<void> {
    try {
      while (!ended) {
        while (held.length >= pageSize && !ended) await changed.promise;
        const { done, value } = await iterator.next();
        if (done) return;
        held.push(value);
        change();
      }
    } finally {
      ended = true;
      change();
    }
  }

  const reading = read();
  // Thrown where the pages are read.
  reading.catch(() => {});
  try {
    for (;;) {
      while (held.length === 0 && !ended) await changed.promise;
      if (held.length === 0) return await reading;
      if (!ended) await pause();
      const page = held;
      held = [];
      change();
      yield page;
    }
  } finally {
    ended = true;
    change();
    await iterator.return?.();
  }
}
