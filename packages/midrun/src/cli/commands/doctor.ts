/** `midrun doctor`: whether this machine can train, and what to do where it cannot. */
import { Option } from "commander";
import { defineCommand } from "../command.ts";
import { type Check, checks, type Finding, hubCheck } from "../doctor/checks.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption } from "../options.ts";
import { formatJson } from "../table.ts";

interface DoctorOptions extends JsonOption {
  hub?: boolean;
}

export const doctorCommand = defineCommand<DoctorOptions>({
  name: "doctor",
  description: "look whether this machine can train; touches no network unless asked to",
  options: [new Option("--hub", "also ask the Hugging Face hub for an answer"), jsonOption()],
  settings: ["host", "port"],
  examples: ["doctor", "doctor --hub --json"],
  run: doctor,
});

async function doctor(io: CliIo, { hub, json }: DoctorOptions): Promise<number> {
  const asked: readonly Check[] = hub ? [...checks, hubCheck] : checks;
  const findings: (Finding & { name: string })[] = [];
  for (const { name, look } of asked) findings.push({ name, ...(await look(io)) });
  io.out(json ? formatJson(findings) : findings.map(lineOf).join(""));
  return findings.some(({ status }) => status === "failed") ? exitCodes.failed : exitCodes.done;
}

const words: { [S in Finding["status"]]: string } = { ok: "ok", warning: "hm", failed: "NO" };

function lineOf({ name, status, found, fix }: Finding & { name: string }): string {
  return `${words[status]}  ${name.padEnd(15)} ${found}\n${fix ? `    ${"".padEnd(15)} ${fix}\n` : ""}`;
}
