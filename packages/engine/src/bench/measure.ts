/** Timing on a machine that others use too: tasks take turns, and medians are compared. */

/** Seconds of each round, in order. */
export type Samples = number[];

export function median(samples: Samples): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Runs every task once a round, `rounds` times after one round that does not count. */
export async function takeTurns<Name extends string>(
  tasks: Record<Name, () => Promise<unknown>>,
  rounds: number,
): Promise<Record<Name, Samples>> {
  const names = Object.keys(tasks) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Samples>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const start = performance.now();
      await tasks[name]();
      if (round > 0) samples[name].push((performance.now() - start) / 1000);
    }
  }
  return samples;
}

/** `a / b`, round by round. */
export function ratios(a: Samples, b: Samples): Samples {
  return a.map((value, i) => value / b[i]!);
}
