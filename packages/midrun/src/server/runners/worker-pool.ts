/** Worker processes by base model. Each trains at most one job at a time and answers any number of chats. */
import type { CountKills } from "./out-of-memory.ts";
import { type GenerationWeights, startWorker, type WorkerOptions, type WorkerProcess } from "./worker-process.ts";

export interface Lease {
  worker: WorkerProcess;
  /** Gives it back; after that the pool may end it, and without `keep` (default true) does, unless others use it. */
  release(options?: { keep: boolean }): void;
  /** Ends the process now, whoever uses it: asks it to, and after `killAfterMs` does it. */
  end(killAfterMs: number): void;
}

/** What a worker holds. */
export type PooledModel = Pick<WorkerOptions, "modelDir" | "modelName" | "weightBits">;

export interface WorkerPool {
  /** A worker of this model: one that does not train, for a training; for a chat any, a busy one too. */
  acquire(model: PooledModel, work: "train" | "generate"): Lease;
  close(): Promise<void>;
}

export interface PoolOptions {
  workerPath: string;
  /** Models kept in memory with nothing to do. */
  maxIdle: number;
  /** Time for a process to end by itself. */
  killAfterMs: number;
  /** Default: the system's own count. */
  countKills?: CountKills | undefined;
  /** See `WorkerOptions`. */
  generationWeights?: GenerationWeights | undefined;
  /** Default: forks a process. */
  start?: (options: WorkerOptions) => WorkerProcess;
}

interface Member {
  worker: WorkerProcess;
  model: PooledModel;
  training: boolean;
  leases: number;
}

export function createWorkerPool(pool: PoolOptions): WorkerPool {
  const { workerPath, maxIdle, killAfterMs, countKills, generationWeights, start = startWorker } = pool;
  /** The least recently used first. */
  let members: Member[] = [];
  const ending = new Set<Promise<void>>();

  const endWorker = (member: Member, withinMs = killAfterMs): void => {
    if (!members.includes(member)) return;
    members = members.filter((each) => each !== member);
    const end = member.worker.close(withinMs).finally(() => ending.delete(end));
    ending.add(end);
  };

  const startMember = (model: PooledModel): Member => {
    const onExit = () => {
      members = members.filter((each) => each !== member);
    };
    const worker = start({ workerPath, ...model, onExit, countKills, generationWeights });
    const member: Member = { worker, model, training: false, leases: 0 };
    return member;
  };

  const endIdle = () => {
    const idle = members.filter(({ leases }) => leases === 0);
    for (const member of idle.slice(0, Math.max(0, idle.length - maxIdle))) endWorker(member);
  };

  return {
    acquire(model, work) {
      const holds = (held: PooledModel) => held.modelDir === model.modelDir && held.weightBits === model.weightBits;
      const fits = (member: Member) => holds(member.model) && !(work === "train" && member.training);
      const member = members.find(fits) ?? startMember(model);
      members = [...members.filter((each) => each !== member), member];
      member.leases++;
      if (work === "train") member.training = true;
      endIdle();
      let released = false;
      return {
        worker: member.worker,
        end: (withinMs) => endWorker(member, withinMs),
        release({ keep } = { keep: true }) {
          if (released) return;
          released = true;
          member.leases--;
          if (work === "train") member.training = false;
          if (!keep && member.leases === 0) endWorker(member);
          endIdle();
        },
      };
    },

    async close() {
      for (const member of members) endWorker(member);
      await Promise.all(ending);
    },
  };
}
