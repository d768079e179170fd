/** `npm run bench:memory [-- --json] [-- case …]`: how much memory training takes. Some minutes, and up to 9 GB. */
import { benchMemory } from "./suite-memory.ts";

const names = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const figures = await benchMemory(
  (what, { peakRssBytes, secondsPerStep, ratio, tokensPerSecond }) => {
    const rate = ratio === null ? "" : `, ${ratio.toFixed(2)} of MatMul`;
    const speed = `${secondsPerStep.toFixed(1)} s a step, ${tokensPerSecond.toFixed(0)} tokens/s${rate}`;
    console.log(`${what.padEnd(72)} ${(peakRssBytes / 1e9).toFixed(2)} GB, ${speed}`);
  },
  names.length > 0 ? names : undefined,
);
const { f32, int4 } = figures;
if (f32 && int4) console.log(`4 bits over f32: ${(int4.peakRssBytes / f32.peakRssBytes).toFixed(2)} of the memory`);
if (process.argv.includes("--json")) console.log(JSON.stringify(figures));
