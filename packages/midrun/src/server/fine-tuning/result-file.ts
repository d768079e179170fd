/** The metrics of a finished job as a file: plain CSV, one row for each step. */
import { type Clock, timestampOf } from "../clock.ts";
import type { FileStorage } from "../files/storage.ts";
import type { JobFields, JobRecord, Store } from "../store.ts";

const columns = ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"];
const pageSize = 1000;

interface History {
  /** By step: a step that was repeated after a crash counts as it was the last time. */
  rows: Map<number, (number | null)[]>;
  /** Tokens of the data set; null when the runner did not tell. */
  tokens: number | null;
}

async function readHistory(store: Store, jobId: string): Promise<History> {
  const history: History = { rows: new Map(), tokens: null };
  for (let after = 0; ; ) {
    const events = await store.listEvents(jobId, { after, limit: pageSize });
    for (const event of events) {
      if (event.type === "training.log") {
        const { step, loss, accuracy, evalLoss, evalAccuracy } = event;
        history.rows.set(step, [step, loss, accuracy, evalLoss, evalAccuracy]);
      }
      if (event.type === "training.started" && typeof event.dataset.tokens === "number") {
        history.tokens = event.dataset.tokens;
      }
    }
    if (events.length < pageSize) return history;
    after = events.at(-1)!.id;
  }
}

function toCsv({ rows }: History): string {
  const sorted = [...rows.values()].sort(([a], [b]) => a! - b!);
  return [columns, ...sorted].map((row) => `${row.map((cell) => cell ?? "").join(",")}\n`).join("");
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

export interface ResultFileOptions {
  store: Store;
  storage: FileStorage;
  clock: Clock;
}

/** Writes the file of a job that is about to be completed, and gives what is to be stored with that. */
export async function writeResultFile(
  { id, fineTuning, projectId }: JobRecord,
  { store, storage, clock }: ResultFileOptions,
): Promise<Partial<JobFields>> {
  if (!fineTuning) return {};
  const { resultFile, resolved } = fineTuning;
  const history = await readHistory(store, id);
  const { bytes } = await storage.write(resultFile, once(toCsv(history)), Number.POSITIVE_INFINITY);
  const described = { filename: "step_metrics.csv", purpose: "fine-tune-results", expiresAt: null, rows: null };
  await store.putFile({ id: resultFile, projectId, ...described, sizeBytes: bytes, createdAt: timestampOf(clock) });
  const trainedTokens = history.tokens === null ? null : history.tokens * resolved.nEpochs;
  return { fineTuning: { ...fineTuning, trainedTokens } };
}
