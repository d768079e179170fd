/** A server's database with years of work in it: written at once, by SQL, so that building it takes seconds. */
import { rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { createSqliteStore } from "../packages/midrun/src/server/stores/sqlite.ts";

export interface StoreSize {
  jobs: number;
  eventsPerJob: number;
}

/** One in a hundred is paused, one failed, one cancelled; the others are completed. */
const statusOf = "CASE n % 100 WHEN 0 THEN 'paused' WHEN 1 THEN 'failed' WHEN 2 THEN 'cancelled' ELSE 'completed' END";
const time = (seconds: string) => `strftime('%Y-%m-%dT%H:%M:%fZ', 1750000000 + ${seconds}, 'unixepoch')`;
const metrics = (
  step: string,
) => `json_object('step', ${step}, 'totalSteps', 90, 'loss', 3.0 / ${step}, 'evalLoss', NULL,
  'evalAccuracy', NULL, 'learningRate', 0.0002, 'epoch', ${step} / 30.0, 'samplesPerSecond', 8.25, 'tokensPerSecond', 2041.5,
  'gradNorm', 0.73, 'accuracy', 0.62, 'gflops', 240.1, 'mfu', 0.8, 'paddingShare', 0.07, 'supervisedShare', 0.41)`;
const spec = JSON.stringify({
  name: "support-bot",
  model: "Qwen/Qwen3-0.6B",
  dataset: { type: "file", path: "/data/train.jsonl" },
  method: "sft",
  lora: { r: 16, alpha: 32 },
  numTrainEpochs: 3,
});

const fill = ({ jobs, eventsPerJob }: StoreSize) => `
  CREATE TEMP TABLE numbers AS
    WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ${Math.max(jobs, eventsPerJob)})
    SELECT n FROM counted;
  INSERT INTO jobs (id, name, model, model_name, status, queue_position, last_event_id, created_at, started_at, finished_at,
      step, total_steps, metrics)
    SELECT printf('job_%024d', n), 'support-bot', 'Qwen/Qwen3-0.6B', printf('ft:Qwen/Qwen3-0.6B:midrun:support-bot:%08d', n),
      ${statusOf}, n, ${eventsPerJob}, ${time("n * 3600")}, ${time("n * 3600 + 1")}, ${time("n * 3600 + 900")}, 90, 90, ${metrics("90")}
    FROM numbers WHERE n <= ${jobs};
  INSERT INTO job_specs SELECT id, '${spec}' FROM jobs;
  INSERT INTO artifacts (job_id, kind, step, path, files, metrics, created_at)
    SELECT id, 'checkpoint', n * 9, '/data/jobs/' || id || '/checkpoints/step-' || n, '["adapter_model.safetensors","state.json"]',
      ${metrics("(n * 9)")}, created_at
    FROM jobs, numbers WHERE n <= 10;
  INSERT INTO artifacts (job_id, kind, step, path, files, metrics, created_at)
    SELECT id, 'adapter', 90, '/data/jobs/' || id || '/adapter', '["adapter_config.json","adapter_model.safetensors"]', metrics, created_at
    FROM jobs WHERE status = 'completed';
  INSERT INTO events (job_id, id, timestamp, body)
    SELECT id, n, ${time("seq * 3600 + n")},
      json_set(${metrics("n")}, '$.type', iif(n < ${eventsPerJob}, 'training.log', 'training.' || status))
    FROM jobs, numbers WHERE n <= ${eventsPerJob} ORDER BY id, n;
`;

/** Makes the database at `path` with the server's own tables. Returns its size in bytes. */
export async function buildStore(path: string, size: StoreSize): Promise<number> {
  rmSync(path, { force: true });
  await createSqliteStore(path).close();
  const database = new DatabaseSync(path);
  database.exec("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; BEGIN");
  database.exec(fill(size));
  database.exec("COMMIT; PRAGMA journal_mode = WAL");
  database.close();
  return statSync(path).size;
}

/** The id of the job with this number, from 1. */
export const jobIdOf = (n: number): string => `job_${String(n).padStart(24, "0")}`;
