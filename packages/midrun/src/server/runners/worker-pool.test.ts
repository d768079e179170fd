import { describe, expect, it } from "vitest";
import { createWorkerPool } from "./worker-pool.ts";
import type { WorkerOptions, WorkerProcess } from "./worker-process.ts";

function setUp(maxIdle: number) {
  const started: { modelDir: string; exit: () => void; closed: boolean }[] = [];
  const start = ({ modelDir, onExit }: WorkerOptions): WorkerProcess => {
    const record = { modelDir, exit: onExit, closed: false };
    started.push(record);
    return {
      begin() {},
      tell() {},
      end() {},
      async close() {
        record.closed = true;
        onExit();
      },
    };
  };
  const pool = createWorkerPool({ workerPath: "w", maxIdle, killAfterMs: 1, start });
  const acquire = (model: string, work: "train" | "generate", weightBits: 4 | 8 | null = null) =>
    pool.acquire({ modelDir: model, modelName: model, weightBits }, work);
  const open = () => started.filter(({ closed }) => !closed).map(({ modelDir }) => modelDir);
  return { pool, acquire, started, open };
}

describe("createWorkerPool", () => {
  it("answers chats from the process that trains, and trains one job a process", () => {
    const { acquire, open } = setUp(1);
    const training = acquire("a", "train");
    expect(acquire("a", "generate").worker).toBe(training.worker);
    expect(acquire("a", "generate").worker).toBe(training.worker);
    expect(acquire("a", "train").worker).not.toBe(training.worker);
    expect(open()).toEqual(["a", "a"]);
  });

  it("takes weights that are held in fewer bits for another model", () => {
    const { acquire, open } = setUp(2);
    const training = acquire("a", "train", 4);
    expect(acquire("a", "generate").worker).not.toBe(training.worker);
    expect(acquire("a", "generate", 8).worker).not.toBe(training.worker);
    expect(acquire("a", "generate", 4).worker).toBe(training.worker);
    expect(open()).toEqual(["a", "a", "a"]);
  });

  it("uses a process again once its training is over", () => {
    const { acquire, open } = setUp(1);
    const first = acquire("a", "train");
    first.release();
    first.release();
    expect(acquire("a", "train").worker).toBe(first.worker);
    expect(open()).toEqual(["a"]);
  });

  it("keeps the models used last, and ends none that is at work", () => {
    const { acquire, open } = setUp(1);
    const [a, b, c] = [acquire("a", "generate"), acquire("b", "generate"), acquire("c", "train")];
    expect(open()).toEqual(["a", "b", "c"]);
    a.release();
    expect(open()).toEqual(["a", "b", "c"]);
    b.release();
    expect(open()).toEqual(["b", "c"]);
    c.release();
    expect(open()).toEqual(["c"]);
  });

  it("starts a new process for a model whose process died", () => {
    const { acquire, started } = setUp(1);
    const first = acquire("a", "train");
    started[0]!.exit();
    first.release();
    expect(acquire("a", "train").worker).not.toBe(first.worker);
  });

  it("ends a process that is given back for good, unless others use it", () => {
    const { acquire, open } = setUp(3);
    const training = acquire("a", "train");
    const chat = acquire("a", "generate");
    training.release({ keep: false });
    expect(open()).toEqual(["a"]);
    chat.release({ keep: false });
    expect(open()).toEqual([]);
    acquire("b", "train").release({ keep: true });
    expect(open()).toEqual(["b"]);
  });

  it("ends a process at once on demand, and gives it to nobody any more", () => {
    const { acquire, open } = setUp(3);
    const [training, chat] = [acquire("a", "train"), acquire("a", "generate")];
    training.end(1);
    expect(open()).toEqual([]);
    expect(acquire("a", "generate").worker).not.toBe(chat.worker);
    training.release({ keep: false });
    chat.release();
    expect(open()).toEqual(["a"]);
  });

  it("ends all of them when it is closed", async () => {
    const { pool, acquire, open } = setUp(3);
    acquire("a", "train");
    acquire("b", "generate").release();
    await pool.close();
    expect(open()).toEqual([]);
  });
});
