/** API keys: made once shown once, kept as a hash, checked in constant time, revoked at once. */
import { createHash, timingSafeEqual } from "node:crypto";
import { join, resolve } from "node:path";
import { MidrunError } from "../errors.ts";
import { type Clock, systemClock, timestampOf } from "./clock.ts";
import { newProjectId, type RandomBytes, randomAlphanumerics } from "./ids.ts";
import { defaultProject, type KeyRecord, type KeyRecords } from "./key-records.ts";
import { createSqliteKeys } from "./stores/sqlite-keys.ts";

/** A key as it may be shown: everything but its secret. */
export interface ApiKey {
  /** `key_` and 16 alphanumerics: what `revoke` takes. */
  id: string;
  name: string;
  /** Name of its project. Jobs, files and models belong to a project; its keys reach nothing else. */
  project: string;
  projectId: string;
  /** Beginning and end of the secret. */
  hint: string;
  /** ISO 8601, as every time here. */
  createdAt: string;
  /** To the minute. */
  lastUsedAt: string | null;
  revokedAt: string | null;
}

export interface NewApiKey {
  /** What it is for. Default "". */
  name?: string;
  /** Made when there is none of this name. Default `default`, which also owns what was made before there were keys. */
  project?: string;
}

export interface KeyService {
  /** The secret is in this answer and nowhere else. Throws `invalid_request` for an unusable name. */
  create(key?: NewApiKey): Promise<{ key: ApiKey; secret: string }>;
  /** Oldest first, revoked ones too. */
  list(): Promise<ApiKey[]>;
  /** From the next request on nobody gets in with it. Throws `key_not_found`. */
  revoke(id: string): Promise<ApiKey>;
  /** The key with this secret; null when there is none or it was revoked. Takes as long for a secret that is almost right. */
  check(secret: string): Promise<ApiKey | null>;
  /** Whether a key was ever made. From then on the server asks for one, also when all of them are revoked. */
  exist(): Promise<boolean>;
}

/** `sk-midrun-` + id + `-` + secret: the id finds the record, so that only hashes are ever compared. */
const secretPattern = /^sk-midrun-([0-9A-Za-z]{16})-([0-9A-Za-z]{40})$/;
const usePrecisionMs = 60_000;
const namePattern = /^[^\p{Cc}]{0,64}$/u;

const hashOf = (secret: string): string => createHash("sha256").update(secret).digest("hex");
const equalHashes = (a: string, b: string) => timingSafeEqual(Buffer.from(a, "hex"), Buffer.from(b, "hex"));

function checkName(value: string, param: "name" | "project"): string {
  const name = value.trim();
  if (namePattern.test(name) && !(param === "project" && name === "")) return name;
  throw new MidrunError(
    "invalid_request",
    `${param}: got ${JSON.stringify(value.slice(0, 80))}, expected ${param === "project" ? 1 : 0} to 64 characters.`,
    { param },
  );
}

export interface KeyServiceOptions {
  records: KeyRecords;
  clock?: Clock;
  random?: RandomBytes;
}

export function createKeyService({ records, clock = systemClock, random }: KeyServiceOptions): KeyService {
  const now = () => timestampOf(clock);

  async function views(keys: readonly KeyRecord[]): Promise<ApiKey[]> {
    const names = new Map((await records.listProjects()).map(({ id, name }) => [id, name]));
    return keys.map(({ hash, ...key }) => {
      return { ...key, project: names.get(key.projectId) ?? key.projectId, hint: `sk-midrun-…${key.hint}` };
    });
  }
  const view = async (key: KeyRecord): Promise<ApiKey> => (await views([key]))[0]!;

  async function projectIdOf(name: string): Promise<string> {
    const id = name === defaultProject.name ? defaultProject.id : newProjectId(random);
    return (await records.putProject({ id, name, createdAt: now() })).id;
  }

  /** A write for each request would cost more than most requests. */
  async function markUsed({ id, lastUsedAt }: KeyRecord): Promise<void> {
    const isRecent = lastUsedAt !== null && clock.now() - Date.parse(lastUsedAt) < usePrecisionMs;
    if (!isRecent) await records.markKeyUsed(id, now());
  }

  return {
    async create({ name = "", project = defaultProject.name } = {}) {
      const named = checkName(name, "name");
      const projectId = await projectIdOf(checkName(project, "project"));
      const unique = randomAlphanumerics(16, random);
      const secret = `sk-midrun-${unique}-${randomAlphanumerics(40, random)}`;
      const key: KeyRecord = {
        id: `key_${unique}`,
        projectId,
        name: named,
        hash: hashOf(secret),
        hint: secret.slice(-4),
        createdAt: now(),
        lastUsedAt: null,
        revokedAt: null,
      };
      await records.createKey(key);
      return { key: await view(key), secret };
    },

    list: async () => views(await records.listKeys()),

    async revoke(id) {
      if (await records.revokeKey(id, now())) return view((await records.getKey(id))!);
      throw new MidrunError("key_not_found", `There is no API key "${id}".`, {
        param: "id",
        hint: "midrun keys list shows them; an id begins with key_.",
      });
    },

    async check(secret) {
      const id = secretPattern.exec(secret)?.[1];
      const key = id === undefined ? null : await records.getKey(`key_${id}`);
      // Compared with something in any case: an unknown id takes as long as a wrong secret.
      const isSame = equalHashes(key?.hash ?? hashOf(""), hashOf(secret));
      if (!key || !isSame || key.revokedAt !== null) return null;
      await markUsed(key);
      return view(key);
    },

    exist: () => records.hasKeys(),
  };
}

export interface OpenKeys extends KeyService {
  close(): void;
}

/**
 * The keys of a data directory, for the command line: also while a server runs on it, which sees every change at its next
 * request.
 * @throws MidrunError `io` when the directory cannot be written
 */
export function openKeys(dataDir: string, options: Omit<KeyServiceOptions, "records"> = {}): OpenKeys {
  const records = createSqliteKeys(join(resolve(dataDir), "keys.db"));
  return { ...createKeyService({ ...options, records }), close: records.close };
}
