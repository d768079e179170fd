/** `midrun export`: what a job trained, as files that other programs read. The server may be elsewhere; the files come here. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Option } from "commander";
import type { MidrunClient } from "../../client/client.ts";
import { MidrunError } from "../../errors.ts";
import type { Job, JobFile } from "../../protocol/job.ts";
import type { MergedExport } from "../../server/runners/export-model.ts";
import { defineCommand } from "../command.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption } from "../options.ts";
import { formatJson } from "../table.ts";

const formats = ["peft", "merged"] as const;
const dtypes = ["base", "float32", "bfloat16", "float16"] as const;

interface ExportOptions extends JsonOption {
  format: (typeof formats)[number];
  out: string;
  dtype: (typeof dtypes)[number];
  base?: string;
}

export const exportCommand = defineCommand<ExportOptions, [target: string]>({
  name: "export",
  description: "write what a job trained as files that other programs read",
  arguments: [{ name: "<job[@step]>", description: "a job's id: its result, or with @step that checkpoint" }],
  options: [
    new Option("--format <format>", "PEFT's adapter directory, or a Hugging Face model directory that needs no adapter")
      .choices(formats)
      .makeOptionMandatory(),
    new Option("--out <directory>", "where to: new, or empty").makeOptionMandatory(),
    new Option("--dtype <type>", "type of merged weights; base: as the base model stores them")
      .choices(dtypes)
      .default("base"),
    new Option("--base <model>", "the base model, when it has another name or place on this machine"),
    jsonOption("what was written and how it compares, as JSON"),
  ],
  examples: ["export job_0123 --format merged --out my-model", "export job_0123@100 --format peft --out adapter-100"],
  run: exportJob,
});

/** Left out of an export: only a resumed run needs them. */
const ofTheRun = ["optimizer.safetensors", "state.json"];

async function exportJob(io: CliIo, options: ExportOptions, written: string): Promise<number> {
  const { jobId, step } = parseTarget(written);
  const job = await io.client.jobs.retrieve(jobId);
  const files = await chooseFiles(io.client, job, step);
  const isWhole = job.spec.lora === false;
  if (isWhole && options.format === "peft") throw noAdapter(job);
  const outDir = resolve(io.cwd, options.out);
  await mkdir(dirname(outDir), { recursive: true });
  const download = await mkdtemp(join(dirname(outDir), ".midrun-download-"));
  try {
    for (const file of files) await fetchFile(io.client, { jobId, file, dir: download });
    const result = await convert(job, download, outDir, options);
    io.out(options.json ? formatJson({ out: outDir, ...result }) : describe(outDir, result));
  } finally {
    await rm(download, { recursive: true, force: true });
  }
  return exitCodes.done;
}

function parseTarget(written: string): { jobId: string; step: number | null } {
  const [, jobId, step] = /^((?:job_|ftjob-)[0-9A-Za-z]+)(?:@(\d+))?$/.exec(written) ?? [];
  if (jobId !== undefined) return { jobId, step: step === undefined ? null : Number(step) };
  throw new MidrunError("invalid_request", `"${written}" is no job.`, {
    param: "job",
    hint: "Write job_… as `midrun jobs list` shows it, or job_…@100 for the checkpoint of step 100.",
  });
}

const isWeights = ({ kind }: JobFile) => kind === "checkpoint" || kind === "adapter" || kind === "model";

async function chooseFiles({ jobs }: MidrunClient, job: Job, step: number | null): Promise<JobFile[]> {
  const found = (await jobs.artifacts(job.id)).data.filter(isWeights);
  const chosen = found.filter((file) =>
    step === null ? file.kind !== "checkpoint" : file.kind === "checkpoint" && file.step === step,
  );
  if (chosen.length > 0) return chosen.filter(({ name }) => !ofTheRun.includes(basename(name)));
  const steps = [...new Set(found.flatMap((file) => (file.kind === "checkpoint" ? [file.step!] : [])))];
  const what = step === null ? `no result yet: it is ${job.status}` : `no checkpoint of step ${step}`;
  throw new MidrunError("invalid_state", `Job ${job.id} has ${what}.`, {
    param: "job",
    hint: steps.length > 0 ? `It has checkpoints: ${steps.map((each) => `${job.id}@${each}`).join(", ")}.` : null,
  });
}

const noAdapter = ({ id }: Job) =>
  new MidrunError("invalid_request", `Job ${id} trained the whole model: there is no adapter.`, {
    param: "format",
    hint: "Export it with --format merged.",
  });

/** Throws `io` when the bytes are not those that the server lists. */
async function fetchFile(
  { jobs }: MidrunClient,
  { jobId, file, dir }: { jobId: string; file: JobFile; dir: string },
): Promise<void> {
  const response = await jobs.downloadArtifact(jobId, file.name);
  const hash = createHash("sha256");
  const body = Readable.from(response.body ?? []);
  body.on("data", (chunk: Uint8Array) => hash.update(chunk));
  await pipeline(body, createWriteStream(join(dir, basename(file.name))));
  if (hash.digest("hex") === file.sha256) return;
  throw new MidrunError("io", `${file.name} of job ${jobId} is damaged: its bytes do not fit its hash.`, {
    hint: "Try again; if it stays so, export another checkpoint.",
  });
}

/** An adapter is copied, so that there is nothing to compare. */
type Exported = Pick<MergedExport, "files"> & Partial<MergedExport>;

async function convert(
  job: Job,
  download: string,
  outDir: string,
  { format, dtype, base }: ExportOptions,
): Promise<Exported> {
  const { exportMergedModel, exportPeftAdapter } = await import("../../server/runners/export-model.ts");
  if (format === "peft") return exportPeftAdapter(download, outDir);
  const trained = job.spec.lora === false ? { modelDir: download } : { adapterDir: download };
  return exportMergedModel({ model: base ?? job.model, trained, outDir, dtype });
}

function describe(outDir: string, { files, check }: Exported): string {
  const written = `${outDir}\n${files.map((file) => `  ${file}\n`).join("")}`;
  if (!check) return written;
  const { prompts, tokens, error, effect } = check;
  const numbers = `off by ${error.toPrecision(2)}; training moved them by ${effect.toPrecision(2)} (root mean squares)`;
  return `${written}Compared with the trained model on ${prompts} prompts (${tokens} tokens): logits ${numbers}.\n`;
}
