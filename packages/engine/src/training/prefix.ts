/**
 * What the blocks below the first adapter make of a row. They never change, so each row's result is computed once and kept for the
 * epochs to come. It is a function of that row alone, whatever rows share its micro-batch and whether it was kept or computed again:
 * a run that is resumed gets the same bits.
 */
import { mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { PackedRow } from "../data/pack.ts";
import { decoderPrefix, prefixName, standsAlone } from "../models/decoder.ts";
import { firstAdapted } from "../models/flops.ts";
import { type BatchShape, type LoraPlan, queryBlockOf } from "../models/objective.ts";
import { fedParameters } from "../models/parameters.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { createSession, type Feeds, type SessionOptions } from "../onnx/session.ts";
import { microBatchFeeds } from "./micro-batch.ts";
import { createRowStore, type RowStore, type RowStoreOptions } from "./row-store.ts";
import type { StartingRun } from "./run-objective.ts";
import type { RunPlan } from "./run-plan.ts";

export interface Prefix {
  /** The block at which a run's own pass begins. */
  readonly firstBlock: number;
  /** `prefix` of a micro-batch: the rows' results one after another, zeros for rows that fill it up. */
  feeds(rows: readonly PackedRow[], shape: BatchShape): Promise<Feeds>;
  release(): Promise<void>;
}

/** How much of it is kept, see `RowStoreOptions`. What finds no room is computed again in every epoch. */
export type PrefixRoom = Pick<RowStoreOptions, "memoryBytes" | "diskBytes">;

/** `freeBytes`: memory that the run does not need otherwise. */
export const roomWithin = (freeBytes: number): PrefixRoom => ({ memoryBytes: freeBytes / 4, diskBytes: 16e9 });

/** A run's prefix; null when its own pass begins at the first block. */
export async function prefixOf(
  { spec, model, plan, trained }: StartingRun,
  { room, ...options }: SessionOptions & { room: PrefixRoom },
): Promise<Prefix | null> {
  const firstBlock = firstBlockOf(model.spec, trained.plan, plan);
  if (firstBlock === 0) return null;
  const { length } = plan.trainShape;
  await mkdir(spec.outputDir, { recursive: true });
  const { bavail, bsize } = await statfs(spec.outputDir);
  const diskBytes = Math.min(room.diskBytes, (bavail * bsize) / 4);
  const store = { ...room, diskBytes, path: join(spec.outputDir, "prefix.tmp") };
  return createPrefix(model.spec, { length, firstBlock, weights: model.weights }, { ...options, store });
}

/**
 * The block at which a run's own pass may begin: the first with an adapter if rows are seen more than once, otherwise 0. It depends on
 * nothing that a resumed run may change.
 */
export function firstBlockOf(
  spec: DecoderSpec,
  lora: LoraPlan | null,
  { totalSteps, stepsPerEpoch }: Pick<RunPlan, "totalSteps" | "stepsPerEpoch">,
): number {
  if (lora === null || totalSteps <= stepsPerEpoch) return 0;
  const first = firstAdapted(spec, lora.modules);
  return first < spec.layers.length && standsAlone(spec, first) ? first : 0;
}

/** The graph of one row's result. Output: `prefix` `[length, hiddenSize]`. */
function prefixGraph(spec: DecoderSpec, length: number, firstBlock: number) {
  const recompute = spec.weightBits !== undefined;
  const shape = { batch: 1, length, past: 0, queryBlock: queryBlockOf(length), recompute };
  return { [prefixName]: decoderPrefix(spec, shape, fedParameters(spec), firstBlock) };
}

export interface PrefixOptions extends SessionOptions {
  store: Omit<RowStoreOptions, "length">;
}

/** Rows are `length` tokens long; `weights` are the base model's. */
export async function createPrefix(
  spec: DecoderSpec,
  { length, firstBlock, weights }: { length: number; firstBlock: number; weights: Feeds },
  { store: storeOptions, ...options }: PrefixOptions,
): Promise<Prefix> {
  const rowLength = length * spec.hiddenSize;
  const session = await createSession(prefixGraph(spec, length, firstBlock), options);
  const store: RowStore<PackedRow> = createRowStore({ ...storeOptions, length: rowLength });

  async function resultOf(row: PackedRow): Promise<Float32Array> {
    const kept = await store.get(row);
    if (kept !== null) return kept;
    const one = { batch: 1, length, supervised: length };
    const results = await session.run({ ...weights, ...microBatchFeeds(spec, [row], one, 1) });
    const result = results[prefixName]!;
    await store.set(row, result);
    return result;
  }

  return {
    firstBlock,
    async feeds(rows, { batch }) {
      const prefix = new Float32Array(batch * rowLength);
      for (const [i, row] of rows.entries()) prefix.set(await resultOf(row), i * rowLength);
      return { [prefixName]: prefix };
    },
    async release() {
      await session.release();
      await store.release();
    },
  };
}
