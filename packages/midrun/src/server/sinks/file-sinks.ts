/** What is written about every run beside its checkpoints: configuration, data set, and the metrics in two formats. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobEvent } from "../../protocol/event.ts";
import { createGrowingFile } from "./growing-file.ts";
import { createNewSteps, type LogEvent, namedMetrics } from "./metric-names.ts";
import type { CreateSink } from "./sink.ts";
import { encodeScalars, fileVersion } from "./tfevents.ts";

async function writeJson(dir: string, name: string, value: unknown): Promise<void> {
  await mkdir(dir, { recursive: true });
  const unfinished = join(dir, `.${name}.part`);
  await writeFile(unfinished, `${JSON.stringify(value, null, 2)}\n`);
  await rename(unfinished, join(dir, name));
}

type StartedEvent = Extract<JobEvent, { type: "training.started" }>;

/** `config.json` and `dataset.json`, when a run starts. */
const createFactsSink: CreateSink = ({ jobDir }) => ({
  name: "The configuration's file",
  gatherMs: 0,
  async write(events) {
    const started = events.findLast((event): event is StartedEvent => event.type === "training.started");
    if (!started) return;
    const { config, dataset, fingerprints } = started;
    if (config) await writeJson(jobDir, "config.json", config);
    await writeJson(jobDir, "dataset.json", { sha256: fingerprints?.dataset ?? null, ...dataset });
  },
});

function toLine({ id, jobId, type, microBatches, evalMicroBatches, ...metrics }: LogEvent): string {
  return `${JSON.stringify(metrics)}\n`;
}

/** `metrics.jsonl`: a line for each logged step. */
const createJsonlSink: CreateSink = ({ jobDir }) => {
  const file = createGrowingFile(join(jobDir, "metrics.jsonl"));
  const newSteps = createNewSteps();
  return {
    name: "metrics.jsonl",
    gatherMs: 0,
    async write(events) {
      const fresh = newSteps(events);
      if (fresh.length > 0) await file.append(Buffer.from(fresh.map(toLine).join("")));
      newSteps.told(fresh);
    },
  };
};

const seconds = (timestamp: string) => Date.parse(timestamp) / 1000;

/** `tensorboard/events.out.tfevents.…`: the same history always gives the same bytes, so that a board may watch a file made anew. */
const createTensorboardSink: CreateSink = ({ job: { id, createdAt }, jobDir }) => {
  const created = seconds(createdAt);
  const file = createGrowingFile(join(jobDir, "tensorboard", `events.out.tfevents.${Math.floor(created)}.${id}`));
  const newSteps = createNewSteps();
  let begun = false;
  return {
    name: "TensorBoard's event file",
    gatherMs: 0,
    async write(events) {
      const fresh = newSteps(events);
      if (fresh.length === 0) return;
      const records = fresh.map((event) =>
        encodeScalars({ wallTime: seconds(event.timestamp), step: event.step, scalars: namedMetrics(event) }),
      );
      await file.append(Buffer.concat(begun ? records : [fileVersion(created), ...records]));
      begun = true;
      newSteps.told(fresh);
    },
  };
};

/** What a local server writes for every job. */
export const fileSinks: readonly CreateSink[] = [createFactsSink, createJsonlSink, createTensorboardSink];
