/** `midrun data check`: what training would see, before it trains. */
import { relative, resolve } from "node:path";
import { Option } from "commander";
import { datasetFormats, type JobSpec, type JobSpecInput, jobSpecSchema } from "../../protocol/job.ts";
import { parseWith } from "../../protocol/parse.ts";
import { toTrainSpec } from "../../server/runners/train-spec.ts";
import { withAbsolutePaths } from "../../trainer/local-paths.ts";
import { loadTrainer } from "../../trainer/run-trainer.ts";
import { defineCommand } from "../command.ts";
import { findModel } from "../download.ts";
import { withEngine } from "../engine.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption, positiveInteger, wholeNumber } from "../options.ts";
import { showInspection } from "../show-inspection.ts";
import { formatJson } from "../table.ts";

interface CheckOptions extends JsonOption {
  model?: string;
  format?: string;
  method?: string;
  maxLength?: number;
  examples?: number;
  trainer?: string;
}

export const dataCheckCommand = defineCommand<CheckOptions, [file?: string]>({
  name: "data check",
  description: "what training would see: counts, lengths, rows left out, tokens by their weight in the loss",
  arguments: [
    { name: "[file]", description: "JSONL, JSON, CSV or Parquet (default: the data of the project's trainer)" },
  ],
  options: [
    new Option("--model <model>", "whose tokens and chat template (default: midrun/nano)"),
    new Option("--format <format>", "of the rows, instead of what they look like").choices(datasetFormats),
    new Option("--method <method>", "for what kind of training").choices(["sft", "dpo"]),
    new Option("--max-length <tokens>", "longer rows are cut").argParser(positiveInteger),
    new Option("--examples <count>", "rows to show token by token (default: 3)").argParser(wholeNumber),
    new Option("--trainer <name>", "whose data, when the project has several trainers"),
    jsonOption("everything as JSON"),
  ],
  examples: [
    "data check",
    "data check train.jsonl --model Qwen/Qwen3-0.6B",
    "data check train.jsonl --examples 0 --json",
  ],
  run: checkData,
});

async function checkData(io: CliIo, options: CheckOptions, file?: string): Promise<number> {
  const input = file === undefined ? await specOfProject(io, options) : specOfFile(io, options, file);
  const job = parseWith(jobSpecSchema, input, "invalid_config");
  const modelDir = await findModel(io, job.model);
  const { spec, warnings } = toTrainSpec(job, { modelDir, outputDir: "" });
  const { examples } = options;
  const found = await withEngine((engine) => engine.inspectDataset(spec, examples === undefined ? {} : { examples }));
  const view = { ...found, warnings: [...warnings, ...found.warnings] };
  const colours = io.columns() !== null && !io.env.NO_COLOR;
  io.out(options.json ? formatJson(view) : showInspection(view, { title: titleOf(io, job), colours }));
  return exitCodes.done;
}

function specOfFile(
  io: CliIo,
  { model = "midrun/nano", format, method, maxLength }: CheckOptions,
  file: string,
): object {
  return {
    name: "data check",
    model,
    dataset: { type: "file", path: resolve(io.cwd, file) },
    ...(format === undefined ? {} : { datasetFormat: format }),
    ...(method === undefined ? {} : { method }),
    ...(maxLength === undefined ? {} : { lora: { maxLength } }),
  };
}

/** The trainer's own settings, but for those that are given here. */
async function specOfProject(io: CliIo, options: CheckOptions): Promise<object> {
  const { spec } = await loadTrainer(resolve(io.cwd, io.settings.entry), { trainer: options.trainer });
  const own: JobSpecInput = await withAbsolutePaths(spec);
  const { model = own.model, format, method, maxLength } = options;
  return {
    ...own,
    model,
    ...(format === undefined ? {} : { datasetFormat: format }),
    ...(method === undefined ? {} : { method }),
    ...(maxLength === undefined ? {} : { lora: { ...(own.lora || {}), maxLength } }),
  };
}

function titleOf({ cwd }: CliIo, { dataset, model }: JobSpec): string {
  const what = dataset.type === "file" ? relative(cwd, dataset.path) : `the ${dataset.type} data set`;
  return `${what}, as ${model} reads it`;
}
