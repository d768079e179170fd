/** Runs a graph on ONNX Runtime. The only file that imports it. */
import * as ort from "onnxruntime-node";
import { closed, type Sizes } from "../graph/open-sizes.ts";
import type { Tensor } from "../graph/ops.ts";
import { rewrite } from "../graph/rewrite.ts";
import { topologicalOrder } from "../graph/tensor.ts";
import { assert, EngineError, sizeOf } from "../util.ts";
import { emitOnnx, inputsOf } from "./emit.ts";

/** ONNX Runtime's version: another one may compute other last bits. */
export const runtimeVersion: string = ort.env.versions.node ?? ort.env.versions.common;

/** f32, i32 and u8 tensors by name. */
export type Feeds = Record<string, Float32Array | Int32Array | Uint8Array>;

export interface SessionOptions {
  /** Threads of one operation. Default: as many as cores. */
  threads?: number;
  /**
   * Whether idle threads wait busily for the next operation of a run; after it they always rest. Faster on an idle machine, several times
   * slower beside another busy session. Default true.
   */
  spin?: boolean;
  /** Inputs that are the same in every run: they are copied into the session in the layout of its products, and not fed. */
  constants?: Feeds;
  /** Write a profile to this path prefix. */
  profile?: string;
  /** Stand-ins of the sizes that each run is told. Default: there are none. */
  open?: Sizes;
}

/** A compiled graph. */
export interface Session<Name extends string = string> {
  /**
   * Computes every output; `sizes` are those of the `open` ones. Feeds are read in place: do not change them before the promise
   * settles.
   */
  run(feeds: Feeds, sizes?: Sizes): Promise<Record<Name, Float32Array>>;
  /** Frees its memory; writes the profile, if one was asked for. */
  release(): Promise<void>;
  readonly nodes: number;
}

/** Compiles `outputs` (name → tensor). Throws `internal` when ONNX Runtime refuses the graph. */
export async function createSession<Name extends string>(
  outputs: Record<Name, Tensor>,
  options: SessionOptions = {},
): Promise<Session<Name>> {
  const names = Object.keys(outputs) as Name[];
  const fast = rewrite(Object.values<Tensor>(outputs));
  const order = topologicalOrder(fast);
  const { open = {}, constants = {} } = options;
  const shapes = inputShapes(order, constants);
  const bytes = emitOnnx(Object.fromEntries(names.map((name, i) => [name, fast[i]!])), open, constants);
  const session = await ort.InferenceSession.create(bytes, sessionOptions(options)).catch((cause) => {
    throw new EngineError(
      "internal",
      `ONNX Runtime refused a graph: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  });
  return {
    nodes: order.length,
    async run(feeds, sizes = {}) {
      const results = await session.run(toTensors(feeds, shapes, (size) => closed(size, open, sizes)));
      return Object.fromEntries(names.map((name) => [name, results[name]!.data])) as Record<Name, Float32Array>;
    },
    async release() {
      if (options.profile !== undefined) session.endProfiling();
      await session.release();
    },
  };
}

function sessionOptions({ threads, profile, spin = true }: SessionOptions): ort.InferenceSession.SessionOptions {
  return {
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    extra: { session: spin ? { force_spinning_stop: "1" } : { intra_op: { allow_spinning: "0" } } },
    // It would hold a block for all values besides the memory that its first run found for each of them, and is no faster.
    enableMemPattern: false,
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    logSeverityLevel: 3,
  };
}

function inputShapes(order: readonly Tensor[], constants: Feeds): Map<string, readonly number[]> {
  const fed = inputsOf(order).filter(({ attrs }) => !Object.hasOwn(constants, attrs.name));
  return new Map(fed.map(({ attrs, shape }) => [attrs.name, shape]));
}

function toTensors(
  feeds: Feeds,
  shapes: Map<string, readonly number[]>,
  close: (size: number) => number,
): Record<string, ort.Tensor> {
  const tensors: Record<string, ort.Tensor> = {};
  for (const [name, sizes] of shapes) {
    const data = feeds[name];
    const shape = sizes.map(close);
    assert(data !== undefined, `input "${name}" was not fed`);
    assert(data.length === sizeOf(shape), `input "${name}" [${shape}] was fed ${data.length} values`);
    tensors[name] = toTensor(data, shape);
  }
  return tensors;
}

function toTensor(data: Feeds[string], shape: readonly number[]): ort.Tensor {
  if (data instanceof Float32Array) return new ort.Tensor("float32", data, shape);
  return data instanceof Int32Array ? new ort.Tensor("int32", data, shape) : new ort.Tensor("uint8", data, shape);
}
