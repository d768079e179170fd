/** `midrun bench`: how fast this machine trains, beside what its processor can do. */
import { availableParallelism, cpus } from "node:os";
import { Option } from "commander";
import { defineCommand } from "../command.ts";
import { withEngine } from "../engine.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption, positiveInteger } from "../options.ts";
import { formatCount } from "../progress.ts";
import { formatJson, formatTable } from "../table.ts";

interface BenchOptions extends JsonOption {
  rounds: number;
}

export const benchCommand = defineCommand<BenchOptions>({
  name: "bench",
  description: "measure this machine: ONNX Runtime's matrix product, and LoRA training beside it",
  options: [
    new Option("--rounds <count>", "medians are over so many").argParser(positiveInteger).default(5),
    jsonOption(),
  ],
  examples: ["bench", "bench --rounds 15 --json"],
  run: bench,
});

async function bench(io: CliIo, { rounds, json }: BenchOptions): Promise<number> {
  const machine = {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    threads: availableParallelism(),
    node: process.version,
  };
  if (!json) io.err(`Measuring ${rounds} rounds; on two cores some two seconds each.\n`);
  const speed = await withEngine((engine) => engine.measureMachine({ rounds }));
  if (json) io.out(formatJson({ ...machine, rounds, ...speed }));
  else {
    io.out(`${machine.processor}, ${machine.threads} threads, Node ${machine.node}\n`);
    io.out(
      formatTable([
        ["MatMul 512×1024×4096", `${formatCount(speed.matmulGflops)} GFLOP/s`],
        ["LoRA r=16, 30.6 M parameters, 4×256 tokens", `${formatCount(speed.trainGflops)} GFLOP/s`],
        ["  … as a share of that MatMul", speed.share.toFixed(2)],
        ["  … in tokens", `${formatCount(speed.tokensPerSecond)} tokens/s`],
      ]),
    );
  }
  return exitCodes.done;
}
