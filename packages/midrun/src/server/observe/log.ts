/** The server's log: one JSON object a line. It holds ids, numbers and routes; no bodies, no queries, no keys. */
import { type DestinationStream, pino } from "pino";
import type { JobEvent } from "../../protocol/event.ts";
import { describeError } from "./describe-error.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface AnsweredRequest {
  requestId: string;
  method: string;
  /** Pattern, not address: `/v1/jobs/:id`. Null: no route. */
  route: string | null;
  status: number;
  /** Until the answer began. */
  ms: number;
  keyId: string | null;
  projectId: string | null;
}

export interface ServerLog {
  /** `info`; from status 500 on `error`. */
  request(answered: AnsweredRequest): void;
  /** What happens to jobs, `info`; their steps, `debug`. */
  events(events: readonly JobEvent[]): void;
  /** `error`. */
  fault(error: unknown, requestId: string | null): void;
}

export interface LogOptions {
  /** What is less is not written. */
  level: LogLevel;
  /** Default: standard error. */
  destination?: DestinationStream;
}

export function createServerLog({
  level,
  destination = pino.destination({ fd: 2, sync: true }),
}: LogOptions): ServerLog {
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    request: (answered) => logger[answered.status >= 500 ? "error" : "info"](answered, "request"),
    events(events) {
      for (const event of events) {
        const { jobId, type } = event;
        const step = "step" in event ? { step: event.step } : {};
        const error = event.type === "training.failed" ? { code: event.error.code } : {};
        logger[type === "training.log" ? "debug" : "info"]({ jobId, type, ...step, ...error }, "job");
      }
    },
    fault: (error, requestId) => logger.error({ error: describeError(error), requestId }, "fault"),
  };
}

/** Writes nothing. */
export const silentLog: ServerLog = { request() {}, events() {}, fault() {} };
