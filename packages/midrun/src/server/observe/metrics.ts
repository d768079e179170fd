/** What `/metrics` tells, in Prometheus' format. Each server has a registry of its own. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { isTerminalEvent, type JobEvent } from "../../protocol/event.ts";
import { jobStatuses } from "../../protocol/job.ts";
import { type CounterName, type Counters, counterHelp } from "../counters.ts";
import type { Store } from "../store.ts";
import type { AnsweredRequest } from "./log.ts";

export interface Metrics {
  request(answered: Pick<AnsweredRequest, "method" | "route" | "status" | "ms">): void;
  events(events: readonly JobEvent[]): void;
  /** The text that Prometheus reads, and its content type. */
  read(): Promise<{ text: string; contentType: string }>;
}

const seconds = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60];

/** `promptTokens` → `midrun_prompt_tokens_total`. */
const wireName = (name: CounterName) =>
  `midrun_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`;

/** What the newest step of each running job reported. */
const speeds = {
  tokensPerSecond: ["midrun_training_tokens_per_second", "Tokens of the newest step per second, padding left out."],
  gflops: ["midrun_training_gflops", "Model FLOPs of the newest step per second, in units of 1e9."],
  mfu: ["midrun_training_mfu", "The same, as a share of what the machine's matrix product reaches, 0..1."],
  loss: ["midrun_training_loss", "Loss of the newest step."],
} as const;
type Speed = keyof typeof speeds;

export function createMetrics({ store, counters }: { store: Pick<Store, "countJobs">; counters: Counters }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Histogram({
    name: "midrun_http_request_duration_seconds",
    help: "Time until an answer began, by pattern of the route.",
    labelNames: ["method", "route", "status"] as const,
    buckets: seconds,
    registers,
  });
  const steps = new Counter({
    name: "midrun_training_steps_total",
    help: "Optimizer steps that were reported.",
    registers,
  });
  const ends = new Counter({
    name: "midrun_jobs_ended_total",
    help: "Jobs that came to an end here, by how.",
    labelNames: ["type"] as const,
    registers,
  });
  const gauges = Object.fromEntries(
    Object.entries(speeds).map(([name, [wire, help]]) => {
      return [name, new Gauge({ name: wire, help, labelNames: ["job"] as const, registers })];
    }),
  ) as Record<Speed, Gauge<"job">>;

  new Gauge({
    name: "midrun_jobs",
    help: "Jobs by status. Those that are queued are the queue.",
    labelNames: ["status"] as const,
    registers,
    async collect() {
      const counts = await store.countJobs();
      for (const status of jobStatuses) this.set({ status }, counts[status]);
    },
  });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the server's process; workers have their own.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  for (const name of Object.keys(counterHelp) as CounterName[]) {
    new Counter({
      name: wireName(name),
      help: counterHelp[name],
      registers,
      collect() {
        this.reset();
        this.inc(counters.read()[name]);
      },
    });
  }

  const leave = (job: string) => {
    for (const gauge of Object.values(gauges)) gauge.remove({ job });
  };

  return {
    request: ({ method, route, status, ms }) =>
      requests.observe({ method, route: route ?? "none", status: String(status) }, ms / 1000),
    events(events) {
      for (const event of events) {
        const { jobId: job } = event;
        if (event.type === "training.log") {
          steps.inc();
          for (const [name, gauge] of Object.entries(gauges)) {
            const value = event[name as Speed];
            if (value !== null) gauge.set({ job }, value);
          }
        }
        if (event.type === "training.paused" || isTerminalEvent(event)) leave(job);
        if (isTerminalEvent(event)) ends.inc({ type: event.type.replace("training.", "") });
      }
    },
    read: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
}
