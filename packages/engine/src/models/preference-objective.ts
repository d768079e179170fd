/** Direct preference optimisation (Rafailov et al. 2023, eq. 7) as a graph. Row 2i of a batch is preferred to row 2i + 1. */
import {
  concat,
  constant,
  input,
  logSoftmax,
  mul,
  neg,
  reshape,
  scatterRows,
  slice,
  sub,
  type Tensor,
} from "../graph/tensor.ts";
import { total } from "../nn.ts";
import { assert } from "../util.ts";
import { type BatchShape, gradientsOf, type LoraPlan, supervisedPass, withoutDropout } from "./objective.ts";
import type { DecoderSpec } from "./spec.ts";

/**
 * Log-probability of each row's supervised tokens together, `[batch, 1]`. Inputs: `weights` `[supervised, 1]`, 0 where there is no
 * token; `sequences` `[supervised]` i32, each token's row.
 */
function rowLogProbs(nll: Tensor, { batch, supervised }: BatchShape): Tensor {
  const weighted = mul(nll, input("weights", [supervised, 1]));
  return neg(scatterRows(input("sequences", [supervised], "i32"), weighted, batch));
}

/**
 * Σ over pairs of −log σ(β·(d − reference))·pairWeights, where d is the preferred row's log-probability minus the other's. Inputs:
 * `reference` `[pairs, 1]`, what d was before training; `pairWeights` `[pairs, 1]`. log σ(z) is the first of logSoftmax(z, 0).
 */
function preferenceLoss(logProbs: Tensor, beta: number): Tensor {
  const pairs = logProbs.shape[0]! / 2;
  assert(Number.isInteger(pairs), `${logProbs.shape[0]} rows are no pairs`);
  const byPair = reshape(logProbs, [pairs, 2]);
  const difference = sub(slice(byPair, 1, 0, 1), slice(byPair, 1, 1, 2));
  const z = mul(sub(difference, input("reference", [pairs, 1])), beta);
  const logSigmoid = slice(logSoftmax(concat([z, constant(new Float32Array(pairs), [pairs, 1])], 1)), 1, 0, 1);
  return total(mul(neg(logSigmoid), input("pairWeights", [pairs, 1])));
}

/** Outputs `logProbs` and `grad.<parameter>` of the loss. */
export function preferenceTrainingGraph(
  spec: DecoderSpec,
  shape: BatchShape,
  plan: LoraPlan | null,
  beta: number,
): Record<string, Tensor> {
  const pass = supervisedPass(spec, shape, plan);
  const logProbs = rowLogProbs(pass.nll, shape);
  return { logProbs, ...gradientsOf(preferenceLoss(logProbs, beta), pass) };
}

/** Outputs `logProbs`, without dropout; with `plan: null` those of the base model. */
export function logProbGraph(spec: DecoderSpec, shape: BatchShape, plan: LoraPlan | null): Record<string, Tensor> {
  return { logProbs: rowLogProbs(supervisedPass(spec, shape, withoutDropout(plan), { gradients: false }).nll, shape) };
}
