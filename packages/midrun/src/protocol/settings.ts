/** Every setting of the command line and of the servers it starts: one table, from which flags, help, checks and documentation come. */
import { z } from "zod";

export interface Setting {
  schema: z.ZodType;
  /** Environment variable; null: there is none. */
  env: string | null;
  /** As in the help; null: there is none. */
  flag: string | null;
  /** False for what must not stand in a file that people share. */
  inFile: boolean;
  /** Null: none. */
  default: unknown;
  /** One line, for the help and the documentation. */
  description: string;
}

const directory = z.string().min(1);
const wholeNumber = z.int().nonnegative();
const aliases = z.record(z.string().min(1), z.string().min(1));

export const settings = {
  baseURL: {
    schema: z.url({ protocol: /^https?$/ }),
    env: "MIDRUN_BASE_URL",
    flag: "--base-url <url>",
    inFile: true,
    default: null,
    description: "server to talk to, instead of one in this process",
  },
  apiKey: {
    schema: z.string().min(1),
    env: "MIDRUN_API_KEY",
    flag: null,
    inFile: false,
    default: null,
    description: "key for that server",
  },
  dataDir: {
    schema: directory,
    env: "MIDRUN_DATA_DIR",
    flag: "--data-dir <directory>",
    inFile: true,
    default: ".midrun",
    description: "where a server on this machine keeps jobs, checkpoints and files",
  },
  entry: {
    schema: z.string().min(1),
    env: null,
    flag: null,
    inFile: true,
    default: "src/midrun/index.ts",
    description: "file that exports the project's trainers",
  },
  host: {
    schema: z.string().min(1),
    env: "MIDRUN_HOST",
    flag: "--host <address>",
    inFile: true,
    default: "127.0.0.1",
    description: "address that a server listens on",
  },
  port: {
    schema: wholeNumber.max(65_535),
    env: "MIDRUN_PORT",
    flag: "--port <number>",
    inFile: true,
    default: 4000,
    description: "port that a server listens on; 0 takes a free one",
  },
  slots: {
    schema: z.int().positive(),
    env: "MIDRUN_SLOTS",
    flag: "--slots <count>",
    inFile: true,
    default: 1,
    description: "jobs that a server trains at the same time",
  },
  onRestart: {
    schema: z.enum(["resume", "fail"]),
    env: "MIDRUN_ON_RESTART",
    flag: "--on-restart <what>",
    inFile: true,
    default: "resume",
    description: "what becomes of jobs that a killed server left running: resume or fail",
  },
  auth: {
    schema: z.enum(["auto", "required", "off"]),
    env: "MIDRUN_AUTH",
    flag: null,
    inFile: true,
    default: "auto",
    description:
      "whether a server asks for API keys: as soon as one was made, always, or never (for what is guarded otherwise)",
  },
  generationWeights: {
    schema: z.enum(["f32", "int8", "int4"]),
    env: "MIDRUN_GENERATION_WEIGHTS",
    flag: "--generation-weights <format>",
    inFile: true,
    default: null,
    description:
      "what answers are computed with: f32 is exact, int8 and int4 are faster (without it: by the model's size)",
  },
  requestsPerMinute: {
    schema: z.int().positive(),
    env: "MIDRUN_REQUESTS_PER_MINUTE",
    flag: null,
    inFile: true,
    default: null,
    description: "requests that each key, or everybody without one together, may send (without it: any number)",
  },
  logLevel: {
    schema: z.enum(["debug", "info", "warn", "error", "silent"]),
    env: "MIDRUN_LOG_LEVEL",
    flag: "--log-level <level>",
    inFile: true,
    default: null,
    description:
      "what a server writes to standard error, as JSON: info for serve, error for dev, or another of debug, warn, silent",
  },
  maxBodyBytes: {
    schema: z.int().positive(),
    env: "MIDRUN_MAX_BODY_BYTES",
    flag: null,
    inFile: true,
    default: 64 * 2 ** 20,
    description: "largest request body that is no file",
  },
  maxFileBytes: {
    schema: z.int().positive(),
    env: "MIDRUN_MAX_FILE_BYTES",
    flag: null,
    inFile: true,
    default: null,
    description: "largest uploaded file (without it: 512 MiB, and 64 MiB for a part of an upload)",
  },
  allowedHosts: {
    schema: z.array(z.string().min(1)),
    env: "MIDRUN_ALLOWED_HOSTS",
    flag: null,
    inFile: true,
    default: [],
    description:
      "host names that a server answers to, besides this machine's own (in the environment: with commas between)",
  },
  modelAliases: {
    schema: aliases,
    env: null,
    flag: null,
    inFile: true,
    default: {},
    description: 'names that stand for models: `{ "gpt-4o-mini": "Qwen/Qwen3-0.6B" }`',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;
type Table = typeof settings;
type ValueOf<K extends SettingName> = z.output<Table[K]["schema"]>;

/** What `midrun.config.ts` may say; see docs/configuration.md. */
export type MidrunConfig = {
  -readonly [K in SettingName as Table[K]["inFile"] extends true ? K : never]?: ValueOf<K>;
};

/** Every setting with its value: undefined where it has none and no default. */
export type Settings = {
  readonly [K in SettingName]: Table[K]["default"] extends null ? ValueOf<K> | undefined : ValueOf<K>;
};

/** What a configuration file is checked with: strictly, so that a misspelt name is told of. */
export const configSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(settings)
      .filter(([, { inFile }]) => inFile)
      .map(([name, { schema }]) => [name, schema.optional()]),
  ),
);

/**
 * The configuration of a project, for its `midrun.config.ts`: gives it back as it is, with its type checked.
 *
 * @example
 * export default defineConfig({ dataDir: "/var/lib/midrun", port: 4000 });
 */
export function defineConfig(config: MidrunConfig): MidrunConfig {
  return config;
}
