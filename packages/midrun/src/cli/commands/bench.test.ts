import { expect, it } from "vitest";
import { createClient } from "../../client/client.ts";
import { fakeIo } from "../fake-io.ts";
import { runCli } from "../program.ts";

it("midrun bench tells the machine and its rates", async () => {
  const io = fakeIo(createClient({ fetch: () => new Response() }));
  expect(await runCli(["bench", "--rounds", "1"], io)).toBe(0);
  expect(io.written.out).toMatch(
    /threads, Node v\d+.*\nMatMul .* GFLOP\/s\nLoRA .* GFLOP\/s\n.* \d\.\d\d\n.* tokens\/s\n$/,
  );
  expect(io.written.err).toMatch(/^Measuring 1 rounds/);
}, 180_000);
