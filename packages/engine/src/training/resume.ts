/** Saves a run as a checkpoint and continues one, exactly. */
import { createHash } from "node:crypto";
import type { BaseModel } from "../base-model.ts";
import type { PackedRow } from "../data/pack.ts";
import { removeLeftovers } from "../io/atomic.ts";
import {
  type Checkpoint,
  checkpointsDir,
  listCheckpoints,
  loadCheckpoint,
  loadLatestCheckpoint,
  saveCheckpoint,
} from "../io/checkpoint.ts";
import { type CheckpointState, checkFingerprints, type Fingerprints } from "../io/checkpoint-state.ts";
import { type FileSystem, nodeFileSystem } from "../io/file-system.ts";
import { openModelDir } from "../io/model-dir.ts";
import { feedsOf } from "../models/adapter.ts";
import type { Feeds } from "../onnx/session.ts";
import type { OptimizerState } from "../optim.ts";
import type { TrainLog, TrainSpec } from "../spec.ts";
import { EngineError } from "../util.ts";
import type { RunPlan } from "./run-plan.ts";
import { restore, type Trainables } from "./trainables.ts";
import { type Division, inexactWarning, partsOf, type World, worldOf } from "./world.ts";

/** Everything that must be equal for a run to continue as if it had never stopped. */
export interface RunIdentity {
  fingerprints: Fingerprints;
  options: Record<string, unknown>;
}

/** Where files lie and how often something is reported decide no number of the run. */
const irrelevantAlways: (keyof TrainSpec)[] = [
  "modelDir",
  "outputDir",
  "fence",
  "dataset",
  "evalDataset",
  "loggingSteps",
  "microBatchMetrics",
  "recompute",
  "keepCheckpoints",
  "initialAdapterDir",
  // Its effect is in the tokens.
  "startedAt",
  "microBatchParts",
  "historyStep",
];

/** Looks can end a run early, so then it matters when they happen. */
const irrelevantIn = ({ earlyStopping }: TrainSpec): (keyof TrainSpec)[] =>
  earlyStopping ? irrelevantAlways : [...irrelevantAlways, "saveSteps", "evalSteps"];

/** `start`: what the run trains, before its first step. */
export function identify(model: BaseModel, spec: TrainSpec, plan: RunPlan, start: Trainables): RunIdentity {
  const startsFrom = spec.initialAdapterDir === undefined ? [] : start.parameters.values();
  const irrelevant = irrelevantIn(spec);
  const entries = Object.entries(spec).filter(([key]) => !irrelevant.includes(key as keyof TrainSpec));
  const options = JSON.parse(
    JSON.stringify(Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))),
  ) as Record<string, unknown>;
  return {
    options,
    fingerprints: {
      model: hashOf([JSON.stringify(model.spec), ...Object.values(model.weights), ...startsFrom]),
      dataset: hashOf(
        [...plan.rows, ...plan.evalRows].flatMap(({ ids, segments, weights }: PackedRow) => [ids, segments, weights]),
      ),
      spec: hashOf([JSON.stringify(options)]),
    },
  };
}

function hashOf(parts: Iterable<string | Feeds[string]>): string {
  const hash = createHash("sha256");
  for (const part of parts)
    hash.update(typeof part === "string" ? part : new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return hash.digest("hex");
}

export interface Progress {
  step: number;
  epoch: number;
  metrics: Record<string, number | null>;
  world: World;
  logs: readonly TrainLog[];
}

/** Writes `checkpoints/step-N/` and says where. */
export function saveRun(
  root: string,
  trained: Trainables,
  optimizer: OptimizerState,
  identity: RunIdentity,
  progress: Progress,
  fs: FileSystem = nodeFileSystem,
) {
  const moments = new Map([...optimizer.m].map(([name, m]) => [name, { m, v: optimizer.v.get(name)! }]));
  const { fingerprints, options } = identity;
  const state: CheckpointState = {
    ...progress,
    // Numbers, nulls and records of them.
    logs: progress.logs as unknown as NonNullable<CheckpointState["logs"]>,
    dataCursor: { step: progress.step },
    rng: { seed: options.seed as number },
    schedule: {},
    fingerprints,
    spec: options as NonNullable<CheckpointState["spec"]>,
  };
  return saveCheckpoint({
    root,
    weights: trained.toWeights(),
    optimizer: { step: optimizer.step, moments },
    state,
    fs,
  });
}

/** Where a run begins. */
export interface Start {
  /** Steps done. */
  step: number;
  /** As the checkpoint kept them. */
  metrics: Record<string, number | null>;
  microBatchParts: number;
  /** The newest ones up to that step. */
  logs: TrainLog[];
  warnings: string[];
}

export interface ResumeOptions {
  /** As the run would begin afresh; one that was already computed in more parts goes on so. */
  division: Division;
  fs?: FileSystem | undefined;
}

/**
 * Puts the newest whole checkpoint below `root` back into `trained` and `optimizer`; step 0 when there is none.
 * Throws `invalid_checkpoint` when it belongs to another model, data set or spec.
 */
export async function resumeRun(
  root: string,
  trained: Trainables,
  optimizer: OptimizerState,
  identity: RunIdentity,
  { division, fs = nodeFileSystem }: ResumeOptions,
): Promise<Start> {
  await removeLeftovers(checkpointsDir(root), fs);
  const { checkpoint, warnings } = await loadLatestCheckpoint(root, fs);
  if (checkpoint === null)
    return { step: 0, metrics: {}, microBatchParts: division.microBatchParts, logs: [], warnings };
  const { world, metrics } = checkpoint.state;
  checkFingerprints(checkpoint.state, identity.fingerprints, identity.options);
  const microBatchParts = Math.max(division.microBatchParts, partsOf(world));
  const inexact = inexactWarning(world, worldOf({ ...division, microBatchParts }));
  if (inexact !== null) warnings.push(inexact);
  restore(trained, await savedParameters(checkpoint));
  optimizer.step = checkpoint.optimizer.step;
  for (const [name, { m, v }] of checkpoint.optimizer.moments) {
    optimizer.m.set(name, m);
    optimizer.v.set(name, v);
  }
  const logs = (checkpoint.state.logs ?? []) as unknown as TrainLog[];
  return { step: checkpoint.step, metrics, microBatchParts, logs, warnings };
}

/** Puts the parameters that the checkpoint of `step` holds into `trained`. Throws `invalid_checkpoint` when there is no whole one. */
export async function restoreStep(
  root: string,
  step: number,
  trained: Trainables,
  fs: FileSystem = nodeFileSystem,
): Promise<void> {
  const found = (await listCheckpoints(root, fs)).find((checkpoint) => checkpoint.step === step);
  if (found === undefined)
    throw new EngineError(
      "invalid_checkpoint",
      `The checkpoint of step ${step} is gone from ${checkpointsDir(root)}.`,
      {
        hint: "It is the best of the run and so its result. Start a new run.",
      },
    );
  restore(trained, await savedParameters(await loadCheckpoint(found.dir, fs)));
}

async function savedParameters({ adapter, dir }: Checkpoint): Promise<Feeds> {
  if (adapter !== null) return feedsOf(adapter);
  const { weights } = await openModelDir(dir);
  try {
    const feeds: Feeds = {};
    for (const name of weights.names) feeds[name] = await weights.read(name);
    return feeds;
  } finally {
    await weights.close();
  }
}
