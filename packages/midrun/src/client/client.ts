/** `createClient`: one code path for a server elsewhere and for the one in this process. */
import { MidrunError } from "../errors.ts";
import { type Sleep, sleep as sleepForReal } from "./abort.ts";
import { environmentVariable } from "./environment.ts";
import type { Fetch, Transport } from "./http.ts";
import { createJobsResource, type JobsResource } from "./jobs.ts";
import { createModelsResource, type ModelsResource } from "./models.ts";

export interface ClientOptions {
  /**
   * Address of a midrun server, with or without `/v1`. Default: `MIDRUN_BASE_URL`; with neither, the server that runs over `dataDir`
   * (`midrun dev`), else one in this process.
   */
  baseURL?: string;
  /** Default: `MIDRUN_API_KEY`. */
  apiKey?: string;
  /** Replaces the network: takes a `Request`, gives a `Response`. */
  fetch?: Fetch;
  /** Where an in-process server keeps jobs and checkpoints. Default: `MIDRUN_DATA_DIR`, else `.midrun` in the working directory. */
  dataDir?: string;
  /** Time limit of a request whose answer is one document. Default 600,000; training and streams have none. */
  timeoutMs?: number;
  /** How to wait between attempts; default: timers. */
  sleep?: Sleep;
  /** 0..1, spreads attempts over time; default `Math.random`. */
  random?: () => number;
}

export interface MidrunClient {
  readonly jobs: JobsResource;
  readonly models: ModelsResource;
  /** True when the server sees this machine's files: it runs in this process, or on a loopback address. */
  readonly local: boolean;
  /** True when the server runs in this process: its jobs stop with the process. */
  readonly inProcess: boolean;
  /** Ends the in-process server of this `dataDir`, for every client of it; the next request starts it again. */
  close(): Promise<void>;
}

/** In-process requests need some address; the server accepts this one as its own. */
const inProcessURL = "http://localhost";

/** A client of one server. Touches neither network nor disk. Throws `invalid_config` for a `baseURL` that is none. */
export function createClient(options: ClientOptions = {}): MidrunClient {
  const given = options.baseURL ?? (options.fetch ? undefined : environmentVariable("MIDRUN_BASE_URL"));
  const { timeoutMs = 600_000, sleep = sleepForReal, random = Math.random } = options;
  const dataDir = options.dataDir ?? environmentVariable("MIDRUN_DATA_DIR") ?? ".midrun";
  const inProcess = given === undefined && options.fetch === undefined;
  const baseURL = parseBaseURL(given ?? inProcessURL);
  const transport: Transport = {
    baseURL,
    apiKey: options.apiKey ?? environmentVariable("MIDRUN_API_KEY"),
    fetch: chooseFetch(options.fetch, inProcess ? dataDir : null),
    timeoutMs,
    sleep,
    random,
  };
  return {
    jobs: createJobsResource(transport),
    models: createModelsResource(transport),
    local: isLoopback(baseURL),
    inProcess,
    close: async () => {
      if (inProcess) await (await import("./local.ts")).closeLocal(dataDir);
    },
  };
}

function chooseFetch(given: Fetch | undefined, dataDir: string | null): () => Promise<Fetch> {
  if (given) return async () => given;
  if (dataDir === null) return async () => globalThis.fetch;
  return async () => {
    const { openLocal } = await import("./local.ts");
    return (await openLocal(dataDir)).fetch;
  };
}

function parseBaseURL(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") {
    return (url.origin + url.pathname).replace(/\/+$/, "").replace(/\/v1$/, "");
  }
  throw new MidrunError("invalid_config", `baseURL: got ${JSON.stringify(text)}; expected an http(s) address.`, {
    param: "baseURL",
    hint: 'For example "http://127.0.0.1:4000".',
  });
}

function isLoopback(baseURL: string): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(new URL(baseURL).hostname);
}

let shared: MidrunClient | undefined;

/** What trainers use when they are given no client: configured by the environment alone. */
export function defaultClient(): MidrunClient {
  shared ??= createClient();
  return shared;
}
