/** Jobs that come through OpenAI's API: ordinary jobs, held until their files have been checked. */
import { randomBytes } from "node:crypto";
import { isMidrunError, MidrunError } from "../../errors.ts";
import type { JobSpec } from "../../protocol/job.ts";
import type { CreateFineTuningJob } from "../../protocol/openai.ts";
import { type Clock, timestampOf } from "../clock.ts";
import type { FileService } from "../files/file-service.ts";
import type { FileStorage } from "../files/storage.ts";
import { newFileId } from "../ids.ts";
import { type ModelAliases, notTunable, resolveTunable } from "../model-aliases.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Reporting } from "../sinks/reporting.ts";
import type { IdempotencyKey, JobRecord, Store } from "../store.ts";
import { badRequest } from "../wire-error.ts";
import { checkData, toCheckChange, toUnreadableChange } from "./check-job.ts";
import { baseLearningRate, readMethod, resolveHyperparameters } from "./hyperparameters.ts";
import { reportToOf } from "./integrations.ts";
import type { FineTuningRecord } from "./record.ts";

export interface FineTuningService {
  /**
   * Makes the job and checks its files: a check that takes longer than a second goes on without its caller. Bad data fail
   * the job, not the call.
   * @throws WireError 400 for a request that cannot become a job
   */
  create(request: CreateFineTuningJob, key?: IdempotencyKey): Promise<JobRecord>;
  /** Checks the files of jobs that an earlier server left unchecked. Call it once. */
  recover(): Promise<void>;
  /** Breaks off every check; the next start repeats them. */
  close(): Promise<void>;
}

export interface FineTuningOptions {
  store: Store;
  scheduler: Scheduler;
  files: FileService;
  storage: FileStorage;
  clock: Clock;
  aliases: ModelAliases;
  reporting: Reporting;
  /** Told of checks that break off for a reason of the server's own. */
  onError: (error: unknown) => void;
}

/** A caller waits no longer for its files to be checked. */
const patienceMs = 1000;
const maxSeed = 2 ** 31;

const newSeed = () => randomBytes(4).readUInt32LE() % maxSeed;

/** What the runner finds wrong with a model, in OpenAI's words. */
function toModelError(error: unknown, model: string): unknown {
  const ofModel = isMidrunError(error) && (error.code === "model_not_found" || error.code === "invalid_model");
  return ofModel ? notTunable(model, [error.message, error.hint].filter(Boolean).join(" ")) : error;
}

export function createFineTuning(options: FineTuningOptions): FineTuningService {
  const { store, scheduler, files, storage, clock, aliases, reporting, onError } = options;
  const now = () => timestampOf(clock);
  const ending = new AbortController();
  const checks = new Map<string, Promise<JobRecord>>();

  /** The number of its rows. */
  async function countRows(id: string, param: "training_file" | "validation_file"): Promise<number> {
    const file = await files.find(id);
    if (!file) throw badRequest(`The file '${id}' does not exist.`, param, null, "Upload it with POST /v1/files.");
    if (file.rows !== null) return file.rows;
    throw badRequest(`The file '${id}' has the purpose '${file.purpose}', expected 'fine-tune'.`, param);
  }

  async function toRecord(request: CreateFineTuningJob): Promise<FineTuningRecord> {
    const { training_file: trainingFile, validation_file, suffix, metadata, integrations } = request;
    const validationFile = validation_file ?? null;
    const { method, asked } = readMethod(request);
    const examples = await countRows(trainingFile, "training_file");
    if (validationFile !== null) await countRows(validationFile, "validation_file");
    return {
      trainingFile,
      validationFile,
      suffix: suffix ?? null,
      method,
      asked,
      resolved: resolveHyperparameters(asked, examples),
      metadata: metadata ?? null,
      integrations: integrations ?? [],
      check: null,
      resultFile: newFileId(),
      trainedTokens: null,
    };
  }

  function toSpec(request: CreateFineTuningJob, record: FineTuningRecord): JobSpec {
    const { model, seed, midrun } = request;
    const { nEpochs, batchSize, learningRateMultiplier, beta } = record.resolved;
    const upload = (fileId: string) => ({ type: "upload", fileId }) as const;
    return {
      ...midrun,
      name: record.suffix ?? "fine-tuning",
      model,
      dataset: upload(record.trainingFile),
      ...(record.validationFile === null ? {} : { evalDataset: upload(record.validationFile) }),
      method: record.method === "dpo" ? "dpo" : "sft",
      ...(beta === undefined ? {} : { dpoBeta: beta }),
      numTrainEpochs: nEpochs,
      batchSize,
      learningRate: baseLearningRate[record.method] * learningRateMultiplier,
      seed: seed ?? newSeed(),
      ...(record.metadata ? { metadata: record.metadata } : {}),
      ...reportToOf(request, reporting),
    };
  }

  async function runCheck(job: JobRecord): Promise<JobRecord> {
    try {
      const check = await checkData(job.fineTuning!, { storage, signal: ending.signal, now });
      return await scheduler.release(job.id, toCheckChange(job, check));
    } catch (error) {
      if (ending.signal.aborted) return job;
      return scheduler.release(job.id, toUnreadableChange(error, now()));
    }
  }

  function startCheck(job: JobRecord): Promise<JobRecord> {
    const check = checks.get(job.id) ?? runCheck(job).finally(() => checks.delete(job.id));
    checks.set(job.id, check);
    // Whoever waits for it may have gone.
    check.catch(onError);
    return check;
  }

  /** The job once it is checked, or as it is after a second. */
  async function checkedSoon(job: JobRecord): Promise<JobRecord> {
    const late = Promise.withResolvers<JobRecord>();
    const stopWaiting = clock.after(patienceMs, () => {
      late.resolve(store.getJob(job.id).then((found) => found ?? job));
    });
    return Promise.race([startCheck(job), late.promise]).finally(stopWaiting);
  }

  return {
    async create(request, key) {
      const model = resolveTunable(aliases, request.model);
      const record = await toRecord(request);
      const spec = toSpec(request, record);
      const job = await scheduler.submit(spec, key, record).catch((error: unknown) => {
        throw toModelError(error, model);
      });
      return job.held ? checkedSoon(job) : job;
    },

    async recover() {
      for (let after: string | undefined; ; ) {
        const page = await store.listJobs({ limit: 100, status: ["queued", "paused"], ...(after ? { after } : {}) });
        for (const job of page.data.filter(({ held }) => held)) startCheck(job);
        if (!page.hasMore) return;
        after = page.data.at(-1)!.id;
      }
    },

    async close() {
      ending.abort(new MidrunError("aborted", "The server is ending."));
      await Promise.allSettled(checks.values());
    },
  };
}
