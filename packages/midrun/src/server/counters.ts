/** What is counted while the server runs, for whoever watches it. */

/** The counters, and what each counts. */
export const counterHelp = {
  generations: "Chats that were asked for and accepted.",
  promptTokens: "Tokens of the prompts of answered chats.",
  completionTokens: "Tokens of finished answers, all choices together.",
  constraintViolations: "Finished answers that did not satisfy the constraint that they were held to.",
} as const;
export type CounterName = keyof typeof counterHelp;

export interface Counters {
  add(name: CounterName, count?: number): void;
  /** Everything counted so far. */
  read(): Readonly<Record<CounterName, number>>;
}

/** All at zero. */
export function createCounters(): Counters {
  const counts = Object.fromEntries(Object.keys(counterHelp).map((name) => [name, 0])) as Record<CounterName, number>;
  return {
    add(name, count = 1) {
      counts[name] += count;
    },
    read: () => ({ ...counts }),
  };
}
