/** What the routes are given when a project asks: the same services, over what belongs to it. */
import { MidrunError } from "../../errors.ts";
import type { Services } from "../context.ts";
import { createFileService } from "../files/file-service.ts";
import type { FileStorage } from "../files/storage.ts";
import { createUploadService } from "../files/upload-service.ts";
import { createFineTuning, type FineTuningService } from "../fine-tuning/service.ts";
import { resolveModel } from "../resolve-model.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Store } from "../store.ts";
import { createSpecResolver } from "../uploaded-datasets.ts";
import { type CheckPath, checkSpecPaths, createPathCheck, guardRunners } from "./own-paths.ts";
import { createProjectStore, scopeKey } from "./project-store.ts";

type Offered = Pick<Scheduler, "submit" | "release" | "command">;

interface Scope {
  projectId: string;
  store: Store;
  services: Services;
  checkFiles: ReturnType<typeof createSpecResolver>;
  checkPath: CheckPath;
}

/** The scheduler works for all; a project commands its own jobs, and makes them from its own models and files. */
function createProjectScheduler(
  scheduler: Scheduler,
  { projectId, store, services, checkFiles, checkPath }: Scope,
): Scheduler {
  const own = async (jobId: string): Promise<void> => {
    if (await store.getJob(jobId)) return;
    throw new MidrunError("job_not_found", `There is no job "${jobId}".`, { param: "id" });
  };
  const offered: Offered = {
    async submit(spec, key, fineTuning = null) {
      const { runners, modelAliases } = services;
      await resolveModel({ store, runners, modelAliases }, spec.model);
      await checkFiles(spec, "new");
      await checkSpecPaths(spec, checkPath);
      return scheduler.submit(spec, key && scopeKey(key, projectId), fineTuning, projectId);
    },
    async release(jobId, change) {
      await own(jobId);
      return scheduler.release(jobId, change);
    },
    async command(command, jobId, key) {
      await own(jobId);
      return scheduler.command(command, jobId, key && scopeKey(key, projectId));
    },
  };
  return Object.assign(Object.create(scheduler) as Scheduler, offered);
}

export interface ProjectServices {
  services: Services;
  fineTuning: FineTuningService;
}

/** `services` of everybody, for one project. */
export function createProjectServices(
  services: Services,
  { projectId, storage, dataDir }: { projectId: string; storage: FileStorage; dataDir: string },
): ProjectServices {
  const { clock, modelAliases: aliases, reporting, onError } = services;
  const store = createProjectStore(services.store, projectId);
  const files = createFileService({ store, storage, clock });
  const uploads = createUploadService({ store, storage, files, clock });
  const checkFiles = createSpecResolver(files, storage);
  const checkPath = createPathCheck({ dataDir, store });
  const scheduler = createProjectScheduler(services.scheduler, { projectId, store, services, checkFiles, checkPath });
  const runners = guardRunners(services.runners, checkPath);
  const fineTuning = createFineTuning({
    ...{ store, scheduler, files, storage, clock, aliases, reporting },
    onError: (error) => onError(error, null),
  });
  return { services: { ...services, store, files, uploads, scheduler, runners, fineTuning }, fineTuning };
}
