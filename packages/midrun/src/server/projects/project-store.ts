/**
 * The store as one project sees it: what belongs to another project is not there. Routes are given this one, so that none
 * of them can forget to look. A method that `Store` gains does not compile here until somebody has thought about it.
 */
import { defaultProject } from "../key-records.ts";
import type { IdempotencyKey, JobChange, JobRecord, Store } from "../store.ts";

/** Two projects may use the same idempotency key. Those of the default project are as they were before there were projects. */
export function scopeKey(key: IdempotencyKey, projectId: string): IdempotencyKey {
  return projectId === defaultProject.id ? key : { ...key, key: `${projectId}/${key.key}` };
}

/** `store` of everybody, seen by `projectId`. */
export function createProjectStore(store: Store, projectId: string): Store {
  const own = <T extends { projectId?: string }>(record: T | null): T | null =>
    record && (record.projectId ?? defaultProject.id) === projectId ? record : null;
  const ownJob = async (id: string) => own(await store.getJob(id)) !== null;
  const ownUpload = async (id: string) => own(await store.getUpload(id)) !== null;
  const ownModel = async (name: string): Promise<JobRecord | null> => own(await store.findJobByModelName(name));
  /** Of a checkpoint's name, its job's. */
  const ownCheckpoint = async (name: string) => (await ownModel(name.replace(/:ckpt-step-\d+$/, ""))) !== null;
  const withScope = <T extends { key?: IdempotencyKey }>(change: T): T =>
    change.key ? { ...change, key: scopeKey(change.key, projectId) } : change;

  return {
    exclusive: store.exclusive,
    createJob: (job, first, key) => store.createJob({ ...job, projectId }, first, key && scopeKey(key, projectId)),
    changeJob: async (id, change: JobChange) => ((await ownJob(id)) ? store.changeJob(id, withScope(change)) : null),
    deleteJob: async (id, from) => ((await ownJob(id)) ? store.deleteJob(id, from) : null),
    getJob: async (id) => own(await store.getJob(id)),
    findJobByModelName: ownModel,
    findKey: (key) => store.findKey(scopeKey(key, projectId)),
    listJobs: (options) => store.listJobs({ ...options, projectId }),
    listEvents: async (id, options) => ((await ownJob(id)) ? store.listEvents(id, options) : []),
    listEventsBefore: async (id, options) => ((await ownJob(id)) ? store.listEventsBefore(id, options) : []),
    listCheckpoints: async (id, options) => ((await ownJob(id)) ? store.listCheckpoints(id, options) : []),
    listModels: () => store.listModels(projectId),

    putFile: (file) => store.putFile({ ...file, projectId }),
    getFile: async (id) => own(await store.getFile(id)),
    listFiles: (options) => store.listFiles({ ...options, projectId }),
    deleteFile: async (id) => (own(await store.getFile(id)) ? store.deleteFile(id) : false),
    createUpload: (upload) => store.createUpload({ ...upload, projectId }),
    getUpload: async (id) => own(await store.getUpload(id)),
    listPendingUploads: async () => (await store.listPendingUploads()).filter((upload) => own(upload) !== null),
    async endUpload(id, end) {
      if (!(await ownUpload(id))) return false;
      return store.endUpload(id, end.status === "completed" ? { ...end, file: { ...end.file, projectId } } : end);
    },
    addPart: async (part) => (await ownUpload(part.uploadId)) && store.addPart(part),
    listParts: async (uploadId) => ((await ownUpload(uploadId)) ? store.listParts(uploadId) : []),
    addPermissions: store.addPermissions,
    listPermissions: async (name) => ((await ownCheckpoint(name)) ? store.listPermissions(name) : []),
    deletePermission: async (name, id) => (await ownCheckpoint(name)) && store.deletePermission(name, id),

    putCompletion: (record) => store.putCompletion({ ...record, projectId }),
    getCompletion: async (id) => own(await store.getCompletion(id)),
    listCompletions: (options) => store.listCompletions({ ...options, projectId }),
    deleteCompletion: async (id) => (own(await store.getCompletion(id)) ? store.deleteCompletion(id) : false),

    // What schedulers do, and who may ask, is above projects.
    countJobs: store.countJobs,
    nextQueued: store.nextQueued,
    claimJob: store.claimJob,
    takeOver: store.takeOver,
    beat: store.beat,
    putProject: store.putProject,
    listProjects: store.listProjects,
    createKey: store.createKey,
    getKey: store.getKey,
    listKeys: store.listKeys,
    hasKeys: store.hasKeys,
    revokeKey: store.revokeKey,
    markKeyUsed: store.markKeyUsed,
    close: store.close,
  };
}
