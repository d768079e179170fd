/** `npm run bench [-- --json]`: training and decoding speed beside the machine's own MatMul rate, from one run. */
import { cpus } from "node:os";
import { benchDecoding } from "./suite-decode.ts";
import { benchTraining } from "./suite-train.ts";

const rounds = 15;

const report = { train: await benchTraining(rounds), decode: await benchDecoding(rounds) };

const rate = (gflops: number) => `${gflops.toFixed(0)} GFLOP/s`;
const { cases, lastHalfRatio, peakRssBytes } = report.train;
const medium = cases.medium!;
const rows: [string, string][] = [
  ["MatMul 512×1024×4096, factors fed", `${rate(medium.matmulGflops)}; in a chain ${rate(medium.chainGflops)}`],
  ...Object.values(cases).map(({ what, gflops, ratio, chainRatio, tokensPerSecond }): [string, string] => [
    `LoRA: ${what}`,
    `${ratio.toFixed(2)} of MatMul, ${chainRatio.toFixed(2)} of a chain of them; ${rate(gflops)}, ${tokensPerSecond.toFixed(0)} tokens/s`,
  ]),
  ["Adapters on the last 4 of 8 layers over all, from the second epoch on", `${lastHalfRatio.toFixed(2)}×`],
  ["Peak resident memory so far", `${(peakRssBytes / 2 ** 20).toFixed(0)} MiB`],
  ["Decoding one sequence, f32", `${report.decode.tokensPerSecond.toFixed(0)} tokens/s`],
  ["  … 8-bit weights over f32", `${report.decode.int8Ratio.toFixed(2)}×`],
  ["  … 4-bit weights over f32", `${report.decode.int4Ratio.toFixed(2)}×`],
  ["  … eight sequences together over one", `${report.decode.batch8Ratio.toFixed(2)}×`],
];
const machine = `${cpus()[0]!.model.trim()}, ${cpus().length} cores, Node ${process.version}`;
console.log(`${machine}; medians of ${rounds} rounds\n`);
for (const [what, value] of rows) console.log(`${what.padEnd(72)} ${value}`);
if (process.argv.includes("--json")) console.log(JSON.stringify(report));
