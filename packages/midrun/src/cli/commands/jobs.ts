/** `midrun jobs`: what the server knows of its jobs, and their commands. */
import { Option } from "commander";
import { isTerminalEvent, type JobEvent } from "../../protocol/event.ts";
import { type Job, type JobStatus, jobStatuses } from "../../protocol/job.ts";
import { type AnyCommand, defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { createDisplay } from "../display.ts";
import { follow } from "../follow.ts";
import { type CliIo, exitCodes } from "../io.ts";
import { type JsonOption, jsonOption, positiveInteger, wholeNumber } from "../options.ts";
import { applyProgress, formatLoss, noProgress, renderEvent, renderProgress } from "../progress.ts";
import { formatJson, formatTable } from "../table.ts";

const jobArgument = { name: "<job>", description: "the job's id" };

export const jobCommands: readonly AnyCommand[] = [
  defineCommand<ListOptions>({
    name: "jobs list",
    description: "newest first",
    options: [
      new Option("--limit <count>", "most jobs to list").argParser(positiveInteger).default(20),
      new Option("--after <job>", "only jobs older than this one"),
      new Option("--status <status>", "only these").choices(jobStatuses),
      jsonOption(),
    ],
    examples: ["jobs list", "jobs list --status running --json"],
    run: listJobs,
  }),
  defineCommand<EventsOptions, [jobId: string]>({
    name: "jobs events",
    description: "every event, then live until the job is over",
    arguments: [jobArgument],
    options: [
      new Option("--after <id>", "only events with a larger id").argParser(wholeNumber),
      jsonOption("one JSON event a line"),
    ],
    examples: ["jobs events job_0123", "jobs events job_0123 --after 40 --json"],
    run: showEvents,
  }),
  defineCommand<LogsOptions, [jobId: string]>({
    name: "jobs logs",
    description: "what happened so far, with times",
    arguments: [jobArgument],
    options: [
      new Option("-f, --follow", "go on until the job is over"),
      new Option("--tail <count>", "only the last so many lines").argParser(positiveInteger),
      jsonOption("one JSON event a line"),
    ],
    examples: ["jobs logs job_0123", "jobs logs job_0123 --tail 20 --follow"],
    run: showLogs,
  }),
  defineJobCommand("show", "one job and what it made", showJob),
  defineJobCommand("pause", "save a checkpoint after the current step and stop there", pauseJob),
  defineJobCommand("resume", "continue a paused job from its newest checkpoint", resumeJob),
  defineJobCommand("stop", "end a job after its current step and keep what it learned as its result", stopJob),
  defineJobCommand("cancel", "end a job for good", cancelJob),
  defineCommand<RemoveOptions, [jobId: string]>({
    name: "jobs rm",
    description: "delete a job that is over, with its history, its checkpoints and its models",
    arguments: [jobArgument],
    options: [new Option("-y, --yes", "do not ask"), jsonOption()],
    examples: ["jobs rm job_0123", "jobs rm job_0123 --yes"],
    run: removeJob,
  }),
];

function defineJobCommand(
  verb: string,
  description: string,
  run: (io: CliIo, options: JsonOption, jobId: string) => Promise<number>,
): AnyCommand {
  const name = `jobs ${verb}`;
  const examples = [`${name} job_0123`] as const;
  return defineCommand({ name, description, arguments: [jobArgument], options: [jsonOption()], examples, run });
}

export interface ListOptions extends JsonOption {
  limit: number;
  /** Only jobs older than this one. */
  after?: string;
  status?: JobStatus;
}

interface RemoveOptions extends JsonOption {
  yes?: boolean;
}

interface LogsOptions extends JsonOption {
  follow?: boolean;
  tail?: number;
}

interface EventsOptions extends JsonOption {
  after?: number;
}

async function listJobs(io: CliIo, { json, ...options }: ListOptions): Promise<number> {
  const { data, hasMore } = await io.client.jobs.list(options);
  if (json) io.out(formatJson(data));
  else if (data.length === 0) io.out("No jobs.\n");
  else io.out(formatTable([["ID", "NAME", "MODEL", "STATUS", "STEP", "LOSS", "CREATED"], ...data.map(rowOf)]));
  if (hasMore) io.err(`There are older ones: --after ${data.at(-1)?.id}\n`);
  return exitCodes.done;
}

function rowOf(job: Job): string[] {
  return [
    job.id,
    job.name,
    job.model,
    job.status,
    stepOf(job),
    lossOf(job),
    job.createdAt.slice(0, 16).replace("T", " "),
  ];
}

async function showJob(io: CliIo, { json = false }: JsonOption, jobId: string): Promise<number> {
  const job = await io.client.jobs.retrieve(jobId);
  io.out(json ? formatJson(job) : describe(job));
  return exitCodes.done;
}

function describe(job: Job): string {
  const facts: [string, string | null][] = [
    ["Job", job.id],
    ["Name", job.name],
    ["Model", job.model],
    ["Status", job.status],
    ["Step", stepOf(job)],
    ["Loss", lossOf(job)],
    ["Created", job.createdAt],
    ["Started", job.startedAt],
    ["Finished", job.finishedAt],
    ["Fine-tuned model", job.fineTunedModel],
    ["Error", job.error?.message ?? null],
    ["Hint", job.error?.hint ?? null],
    ...job.artifacts.map(({ kind, step, path }): [string, string] => [`${kind} at ${step}`, path]),
  ];
  return formatTable(facts.filter((fact): fact is [string, string] => Boolean(fact[1])));
}

function stepOf({ step, totalSteps }: Job): string {
  return totalSteps === null ? String(step) : `${step}/${totalSteps}`;
}

function lossOf({ metrics }: Job): string {
  return metrics?.loss == null ? "" : formatLoss(metrics.loss);
}

/** What there is, a line for each event; with `follow`, what comes as well. */
async function showLogs(io: CliIo, { json, follow: live, tail }: LogsOptions, jobId: string): Promise<number> {
  await io.client.jobs.retrieve(jobId);
  let progress = noProgress;
  const lineOf = (event: JobEvent): string => {
    progress = applyProgress(progress, event);
    if (json) return `${JSON.stringify(event)}\n`;
    return `${event.timestamp.slice(0, 19).replace("T", " ")}  ${renderEvent(event) ?? renderProgress(progress)}\n`;
  };
  const past = await historyOf(io, jobId);
  io.out(
    past
      .map(lineOf)
      .slice(tail === undefined ? 0 : -tail)
      .join(""),
  );
  const last = past.at(-1);
  if (!live || (last && isTerminalEvent(last))) return exitCodes.done;
  for await (const event of io.client.jobs.events(jobId, { after: last?.id })) io.out(lineOf(event));
  return exitCodes.done;
}

async function historyOf({ client }: CliIo, jobId: string): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for (;;) {
    const { data, hasMore } = await client.jobs.history(jobId, { after: events.at(-1)?.id });
    events.push(...data);
    if (!hasMore) return events;
  }
}

/** Follows the job to its end; an unknown job is refused at once. */
async function showEvents(io: CliIo, options: EventsOptions, jobId: string): Promise<number> {
  await io.client.jobs.retrieve(jobId);
  const display = createDisplay(io, { json: options.json ?? false });
  const onReconnect = (error: unknown) =>
    display.note(`Connection lost (${error instanceof Error ? error.message : error}); trying again.`);
  for await (const event of io.client.jobs.events(jobId, { after: options.after, onReconnect })) display.event(event);
  display.end();
  return exitCodes.done;
}

async function pauseJob(io: CliIo, { json = false }: JsonOption, jobId: string): Promise<number> {
  const job = await io.client.jobs.pause(jobId);
  io.out(
    json ? formatJson(job) : `Job ${jobId} pauses after its current step. Continue with: midrun jobs resume ${jobId}\n`,
  );
  return exitCodes.done;
}

async function cancelJob(io: CliIo, { json = false }: JsonOption, jobId: string): Promise<number> {
  const job = await io.client.jobs.cancel(jobId);
  io.out(json ? formatJson(job) : `Job ${jobId} is being cancelled.\n`);
  return exitCodes.done;
}

async function removeJob(io: CliIo, { json, yes = false }: RemoveOptions, jobId: string): Promise<number> {
  const { name, artifacts } = await io.client.jobs.retrieve(jobId);
  const what = artifacts.length === 0 ? "nothing was saved of it" : `${artifacts.length} saved adapters go with it`;
  if (!(await confirm(io, `Delete job ${jobId} (${name}; ${what})?`, yes))) return exitCodes.failed;
  await io.client.jobs.delete(jobId);
  io.out(json ? formatJson({ id: jobId, deleted: true }) : `Deleted ${jobId}.\n`);
  return exitCodes.done;
}

function resumeJob(io: CliIo, { json = false }: JsonOption, jobId: string): Promise<number> {
  return orFollow(io, { json, job: io.client.jobs.resume(jobId), told: `Job ${jobId} continues.` });
}

function stopJob(io: CliIo, { json = false }: JsonOption, jobId: string): Promise<number> {
  return orFollow(io, { json, job: io.client.jobs.stop(jobId), told: `Job ${jobId} ends after its current step.` });
}

/** On a server the job goes on there; in this process it is followed to its end, since it would end with the process. */
async function orFollow(
  io: CliIo,
  { json, job, told }: { json: boolean; job: Promise<Job>; told: string },
): Promise<number> {
  const { jobs, inProcess } = io.client;
  const found = await job;
  const { id } = found;
  if (!inProcess) {
    io.out(json ? formatJson(found) : `${told} Watch it with: midrun jobs events ${id}\n`);
    return exitCodes.done;
  }
  return follow(
    io,
    { jobId: id, events: () => jobs.events(id), pause: () => jobs.pause(id), over: untilOver(io, id) },
    { json },
  );
}

async function untilOver({ client }: CliIo, jobId: string): Promise<Job> {
  for await (const _ of client.jobs.events(jobId)); // the stream ends with the job
  return client.jobs.retrieve(jobId);
}
