/** Several sources as one. */

/**
 * What the sources yield, as it comes, with the number of its source. The first error ends all of them, and so does whoever
 * leaves the loop.
 */
export async function* merge<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<{ source: number; value: T }> {
  const iterators = sources.map((each) => each[Symbol.asyncIterator]());
  const running = new Map<number, Promise<{ source: number; result: IteratorResult<T> }>>();
  const advance = (source: number) => {
    const step = iterators[source]!.next().then((result) => ({ source, result }));
    // Once somebody left, nobody hears how the rest ends.
    step.catch(() => {});
    running.set(source, step);
  };
  try {
    for (const source of iterators.keys()) advance(source);
    while (running.size > 0) {
      const { source, result } = await Promise.race(running.values());
      running.delete(source);
      if (result.done) continue;
      yield { source, value: result.value };
      advance(source);
    }
  } finally {
    for (const iterator of iterators) iterator.return?.().catch(() => {});
  }
}
