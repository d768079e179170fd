import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { interpret } from "../graph/interpret.ts";
import { input, slice, type Tensor } from "../graph/tensor.ts";
import { range } from "../util.ts";
import { emitOnnx } from "./emit.ts";
import { ModelProtoSchema } from "./onnx_pb.js";
import { createSession } from "./session.ts";

const x = input("x", [4, 6]);
const feeds = { x: Float32Array.from(range(24)) };

const named = (tensors: readonly Tensor[]) => Object.fromEntries(tensors.map((tensor, i) => [`y${i}`, tensor]));

function operators(tensors: readonly Tensor[]): string[] {
  const { graph } = fromBinary(ModelProtoSchema, emitOnnx(named(tensors)));
  return graph!.node.map(({ opType }) => opType).filter((opType) => opType !== "Identity");
}

async function expectRight(tensors: readonly Tensor[]): Promise<void> {
  const session = await createSession(named(tensors));
  const found = Object.values(await session.run(feeds));
  await session.release();
  expect(found.map((values) => [...values])).toEqual(interpret(tensors, feeds).map(({ data }) => [...data]));
}

test.each([
  ["in order", [slice(x, 1, 0, 2), slice(x, 1, 2, 6)]],
  ["in another order", [slice(x, 0, 3, 4), slice(x, 0, 0, 2), slice(x, 0, 2, 3)]],
])("slices that are all of a tensor, %s, are one Split", async (_, slices) => {
  expect(operators(slices)).toEqual(["Split"]);
  await expectRight(slices);
});

test.each([
  ["leave a gap", [slice(x, 1, 0, 2), slice(x, 1, 3, 6)]],
  ["overlap", [slice(x, 1, 0, 3), slice(x, 1, 2, 6)]],
  ["begin later", [slice(x, 1, 1, 3), slice(x, 1, 3, 6)]],
  ["end earlier", [slice(x, 1, 0, 3), slice(x, 1, 3, 5)]],
  ["go along two axes", [slice(x, 0, 0, 2), slice(x, 1, 2, 6)]],
  ["are one", [slice(x, 0, 0, 4)]],
])("slices that %s stay slices", async (_, slices) => {
  expect(operators(slices)).toEqual(slices.map(() => "Slice"));
  await expectRight(slices);
});
