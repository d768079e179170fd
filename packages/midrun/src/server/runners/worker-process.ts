/** One worker process: a base model in memory. Requests go in, messages come out by id, and its death reaches all of them. */
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import type { ParentMessage, WorkerMessage, WorkerSettings } from "@midrun/engine";
import { MidrunError } from "../../errors.ts";
import { type CountKills, countMemoryKills } from "./out-of-memory.ts";
import { createOutputTail } from "./output-tail.ts";

type Reply = Exclude<WorkerMessage, { type: "ready" }>;

export interface Conversation {
  /** Called with each message of this id, in order. */
  onReply: (message: Reply) => void;
  /** Called once when the process died before the conversation was over. */
  onDeath: (error: MidrunError) => void;
}

export interface WorkerProcess {
  /** Begins a conversation; `end` it when its last message has come. */
  begin(id: string, request: ParentMessage, conversation: Conversation): void;
  /** More about a conversation in progress. */
  tell(message: ParentMessage): void;
  end(id: string): void;
  /** Ends the process: asks it to, and after `killAfterMs` does it. Resolves when it is gone. */
  close(killAfterMs: number): Promise<void>;
}

export interface WorkerOptions {
  workerPath: string;
  modelDir: string;
  /** In how many bits it holds the model's linear weights; null = as they are in the file. */
  weightBits: 4 | 8 | null;
  /** What it computes answers with. Default: the engine's choice, by the model's size. */
  generationWeights?: GenerationWeights | undefined;
  /** For messages. */
  modelName: string;
  /** Called once, when the process is gone. */
  onExit: () => void;
  /** Default: the system's own count. */
  countKills?: CountKills | undefined;
}

export type GenerationWeights = NonNullable<WorkerSettings["generationWeights"]>;

/** Sources run as they are; packages resolve each other's sources by this condition. */
const execArgvOf = (workerPath: string) => (workerPath.endsWith(".ts") ? ["--conditions=midrun-source"] : []);

interface Death {
  modelName: string;
  how: string;
  /** The last that it wrote. */
  output: string;
  /** By SIGKILL. */
  killed: boolean;
  /** The system killed a process for want of memory while this one lived. */
  memoryShort: boolean;
}

function deathError({ modelName, how, output, killed, memoryShort }: Death): MidrunError {
  if ((killed && memoryShort) || /out of memory/i.test(output))
    return new MidrunError("out_of_memory", `The worker of ${modelName} ran out of memory (${how}).`, {
      param: "batchSize",
      hint: "Lower batchSize and raise gradientAccumulationSteps as much, or lower maxLength.",
    });
  const last = output === "" ? "It wrote nothing." : `Its last output: ${output}`;
  return new MidrunError("worker_crashed", `The worker of ${modelName} ended unexpectedly (${how}). ${last}`, {
    hint: killed ? "Was memory short? A smaller batchSize or maxLength needs less." : null,
  });
}

function settingsOf({ weightBits, generationWeights }: WorkerOptions): WorkerSettings {
  return { ...(weightBits === null ? {} : { weightBits }), ...(generationWeights ? { generationWeights } : {}) };
}

export function startWorker(options: WorkerOptions): WorkerProcess {
  const { workerPath, modelDir, modelName, onExit, countKills = countMemoryKills } = options;
  const killsBefore = countKills();
  const child: ChildProcess = fork(workerPath, [modelDir, JSON.stringify(settingsOf(options))], {
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    execArgv: execArgvOf(workerPath),
  });
  const output = createOutputTail([child.stdout, child.stderr]);
  const conversations = new Map<string, Conversation>();
  const exited = Promise.withResolvers<void>();
  /** Waits for `ready`; null once it has come. */
  let waiting: ParentMessage[] | null = [];
  let alive = true;
  let closing = false;

  /** An idle worker does not keep the process alive; when the process ends, so does the worker. */
  const holdProcess = (hold: boolean) => {
    const handles = [child, child.channel, child.stdout as Socket | null, child.stderr as Socket | null];
    for (const handle of handles) hold ? handle?.ref() : handle?.unref();
  };

  const send = (message: ParentMessage) => {
    if (waiting) waiting.push(message);
    // A broken channel means that the process is dying: `die` tells everybody who waits for an answer.
    else if (alive) child.send(message, () => {});
  };

  const memoryShort = () => (countKills() ?? 0) > (killsBefore ?? 0);

  const die = (how: string, killed: boolean) => {
    if (!alive) return;
    alive = false;
    const error = closing
      ? new MidrunError("aborted", `The worker of ${modelName} was ended.`)
      : deathError({ modelName, how, output: output(), killed, memoryShort: memoryShort() });
    for (const { onDeath } of [...conversations.values()]) onDeath(error);
    conversations.clear();
    exited.resolve();
    onExit();
  };

  child.on("message", (message: WorkerMessage) => {
    if (message.type !== "ready") return conversations.get(message.id)?.onReply(message);
    const held = waiting ?? [];
    waiting = null;
    for (const each of held) send(each);
  });
  // `close` comes after the last of the output, `error` instead of it when there was never a process.
  child.on("close", (code, signal) => die(signal ? `signal ${signal}` : `exit code ${code}`, signal === "SIGKILL"));
  child.on("error", (error) => {
    if (child.pid === undefined) die(error.message, false);
  });

  return {
    begin(id, request, conversation) {
      conversations.set(id, conversation);
      holdProcess(true);
      send(request);
    },
    tell: send,
    end(id) {
      conversations.delete(id);
      if (conversations.size === 0) holdProcess(false);
    },
    async close(killAfterMs) {
      closing = true;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
      await exited.promise;
      clearTimeout(timer);
    },
  };
}
