/** state.json: where a run stands and what it is made of, with a checksum for every file of the checkpoint and for itself. */

import { createHash } from "node:crypto";
import * as z from "zod";
import { EngineError } from "../util.ts";

const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const FingerprintsSchema = z.strictObject({ model: sha256, dataset: sha256, spec: sha256 });

const CheckpointStateSchema = z.strictObject({
  /** Optimizer steps done. */
  step: count,
  /** Epochs done, fractional. */
  epoch: z.number().nonnegative(),
  /** Where the data order stands: named counters, such as the epoch and the batch within it. */
  dataCursor: z.record(z.string(), count),
  /** Seeds and counters from which every random choice still to come follows. */
  rng: z.record(z.string(), z.number()),
  /** The learning rate schedule's parameters. */
  schedule: z.record(z.string(), z.union([z.number(), z.string()])),
  /** Running metrics, such as the last losses or the best one; null where there was none. */
  metrics: z.record(z.string(), z.number().nullable()),
  /** SHA-256 in hex of the base model, the data and the training options. */
  fingerprints: FingerprintsSchema,
  /** The machine and the way the numbers were computed; another one may change their last bits. */
  world: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
  /** The newest log lines, for a watcher that missed them. */
  logs: z.array(z.record(z.string(), z.json())).optional(),
  /** The training options themselves, so that changed ones can be named. */
  spec: z.record(z.string(), z.json()).optional(),
});

/** Everything but tensors that a run needs to go on exactly where it stopped. */
export type CheckpointState = z.infer<typeof CheckpointStateSchema>;
export type Fingerprints = z.infer<typeof FingerprintsSchema>;

const FORMAT_VERSION = 1;

const StateFileSchema = z.strictObject({
  formatVersion: z.literal(FORMAT_VERSION),
  state: CheckpointStateSchema,
  /** SHA-256 in hex of every other file of the checkpoint, by name. */
  files: z.record(z.string(), sha256),
});

export type StateFile = Omit<z.infer<typeof StateFileSchema>, "formatVersion">;

/** The text of state.json. Throws `internal` for a state that could not be read back, such as one with NaN in it. */
export function encodeStateFile({ state, files }: StateFile): string {
  const parsed = StateFileSchema.safeParse({ formatVersion: FORMAT_VERSION, state, files });
  if (!parsed.success) throw new EngineError("internal", `Checkpoint state: ${z.prettifyError(parsed.error)}`);
  return withChecksum(parsed.data);
}

/** Parses state.json. Throws `invalid_checkpoint` when a single byte of it differs from what was written. */
export function parseStateFile(text: string, path: string): StateFile {
  const content = parseJson(text, path);
  if (content.formatVersion !== FORMAT_VERSION) throw otherVersion(content.formatVersion, path);
  const parsed = StateFileSchema.safeParse(content);
  if (!parsed.success) throw damaged(path, z.prettifyError(parsed.error));
  if (withChecksum(parsed.data) !== text) throw damaged(path, "its checksum does not fit its content.");
  return { state: parsed.data.state, files: parsed.data.files };
}

function withChecksum(content: object): string {
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  return `${JSON.stringify({ ...content, sha256: digest }, null, 2)}\n`;
}

function parseJson(text: string, path: string): Record<string, unknown> {
  try {
    const { sha256: _, ...content } = JSON.parse(text) as Record<string, unknown>;
    return content;
  } catch (error) {
    throw damaged(path, (error as Error).message);
  }
}

const damaged = (path: string, problem: string) =>
  new EngineError("invalid_checkpoint", `${path} is damaged: ${problem}`, { param: path });

const otherVersion = (found: unknown, path: string) =>
  new EngineError("invalid_checkpoint", `${path} has format version ${found}; this version reads ${FORMAT_VERSION}.`, {
    param: path,
    hint: "Resume with the version of midrun that wrote the checkpoint.",
  });

const subjects: Record<keyof Fingerprints, string> = {
  model: "the base model",
  dataset: "the data set",
  spec: "the training options",
};

const undo = "Undo the change to resume exactly, or start a new run.";

const hints: Record<keyof Fingerprints, string> = {
  model: undo,
  dataset: `Its tokens differ: the rows, the tokenizer or the chat template were edited. ${undo}`,
  spec: undo,
};

/**
 * Refuses to go on from a checkpoint of another run. With the current training options, changed ones are named with both
 * values. Throws `invalid_checkpoint`; `param` lists which of model, dataset and spec differ.
 */
export function checkFingerprints(
  state: CheckpointState,
  current: Fingerprints,
  currentSpec?: Record<string, unknown>,
): void {
  const keys = Object.keys(subjects) as (keyof Fingerprints)[];
  const changed = keys.filter((key) => state.fingerprints[key] !== current[key]);
  if (changed.length === 0) return;
  const options = changed.includes("spec") ? changedOptions(state.spec, currentSpec) : "";
  const what = changed.map((key) => subjects[key]).join(" and ");
  throw new EngineError(
    "invalid_checkpoint",
    `Since the checkpoint of step ${state.step}, ${what} changed${options}.`,
    {
      param: changed.join(","),
      hint: hints[changed[0]!],
    },
  );
}

function changedOptions(before: Record<string, unknown> = {}, now: Record<string, unknown> | undefined): string {
  if (now === undefined) return "";
  const show = (value: unknown) => (value === undefined ? "unset" : JSON.stringify(value));
  const changes = [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((key) => show(before[key]) !== show(now[key]))
    .map((key) => `${key} from ${show(before[key])} to ${show(now[key])}`);
  return changes.length > 0 ? ` (${changes.join(", ")})` : "";
}
