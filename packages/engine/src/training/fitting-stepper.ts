/** A stepper that makes its micro-batches smaller when memory runs out. Steps stay what they are: parts add up to the same mean. */
import type { DecoderSpec } from "../models/spec.ts";
import { EngineError } from "../util.ts";
import { isOutOfMemory } from "./memory.ts";
import type { Objective } from "./objective.ts";
import type { Prefix } from "./prefix.ts";
import { canSplit, type RunPlan, splitShapes } from "./run-plan.ts";
import { createStepper, type Stepper } from "./stepper.ts";
import type { Trainables } from "./trainables.ts";
import type { Division } from "./world.ts";

export interface FittingOptions {
  spec: DecoderSpec;
  plan: RunPlan;
  trained: Trainables;
  objective: Objective;
  /** Released with the stepper. */
  prefix: Prefix | null;
  /** Its parts double each time memory runs out. */
  division: Division;
  onWarning(message: string): void;
  /** Default: sessions on ONNX Runtime. */
  create?: typeof createStepper;
}

/** Its calls throw `out_of_memory` where even one sample at a time does not fit. */
export async function createFittingStepper(options: FittingOptions): Promise<Stepper> {
  const { spec, plan, trained, objective, prefix, division, onWarning, create = createStepper } = options;
  /** It outlives the steppers that use it. */
  const lent = prefix && { ...prefix, release: async () => {} };
  const open = () => {
    const { threads, microBatchParts } = division;
    return create(spec, { ...plan, ...splitShapes(plan, microBatchParts) }, trained, {
      threads,
      objective,
      prefix: lent,
    });
  };
  let stepper = await open();

  async function splitFurther(cause: unknown): Promise<void> {
    if (!canSplit(plan, division.microBatchParts)) throw tooLarge(cause);
    division.microBatchParts *= 2;
    await stepper.release();
    stepper = await open();
    const samples = splitShapes(plan, division.microBatchParts).trainShape.batch / plan.perSample;
    onWarning(
      `Memory ran out: from here on micro-batches are computed ${samples} ${samples === 1 ? "row" : "rows"} at a time. ` +
        "Each step still averages over all of its rows; its last bits may differ.",
    );
  }

  async function fitting<T>(compute: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await compute();
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        await splitFurther(error);
      }
    }
  }

  return {
    window: (microBatches, step) => fitting(() => stepper.window(microBatches, step)),
    evaluate: () => fitting(() => stepper.evaluate()),
    async release() {
      await stepper.release();
      await prefix?.release();
    },
  };
}

function tooLarge(cause: unknown): EngineError {
  return new EngineError("out_of_memory", "Memory ran out, with micro-batches of one row.", {
    param: "maxLength",
    hint: "Lower maxLength, or train a smaller model.",
    cause,
  });
}
