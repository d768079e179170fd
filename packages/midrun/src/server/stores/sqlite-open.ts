/** Opens a database file: every commit on disk before it returns, tables brought up to date. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isMidrunError, MidrunError } from "../../errors.ts";
import { type Migration, migrations } from "./sqlite-schema.ts";

const busy = 5;

/** Runs `work` as one transaction: all of it is stored, or nothing. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk may already have rolled the transaction back.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  const row = database.prepare("SELECT coalesce(max(version), 0) AS version FROM migrations").get();
  return (row as { version: number }).version;
}

function migrate(database: DatabaseSync, path: string, steps: readonly Migration[]): void {
  database.exec("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT");
  const version = versionOf(database);
  if (version > steps.length) {
    throw new MidrunError(
      "not_supported",
      `The database ${path} has schema version ${version}, and this midrun knows ${steps.length}.`,
      { param: path, hint: "A newer midrun wrote it: update midrun, or use another data directory." },
    );
  }
  steps.slice(version).forEach((step, i) => {
    transaction(database, () => {
      // Another process may have made the step between the look and the transaction.
      if (versionOf(database) > version + i) return;
      database.exec(step.sql);
      database.prepare("INSERT INTO migrations VALUES (?, ?)").run(version + i + 1, step.name);
    });
  });
}

function toOpenError(path: string, cause: unknown): unknown {
  if (isMidrunError(cause)) return cause;
  const inUse = (cause as { errcode?: number }).errcode === busy;
  const message = cause instanceof Error ? cause.message : String(cause);
  return inUse
    ? new MidrunError("io", `Another midrun process has ${path} open.`, {
        param: path,
        hint: "Point this one at that server with MIDRUN_BASE_URL, end the other one, or use another data directory.",
        cause,
      })
    : new MidrunError("io", `Cannot open the database ${path}: ${message}.`, { param: path, cause });
}

/** How long to wait for another process that is writing to a shared file. */
const sharedTimeoutMs = 5000;

/** Commits are on disk before they return. */
const durable = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";

interface Opening {
  timeoutMs: number;
  pragmas: string;
  steps: readonly Migration[];
}

function open(path: string, { timeoutMs, pragmas, steps }: Opening): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
    database = new DatabaseSync(path, { timeout: timeoutMs });
    database.exec(pragmas);
    migrate(database, path, steps);
    return database;
  } catch (error) {
    database?.close();
    throw toOpenError(path, error);
  }
}

/**
 * For this process alone.
 * @throws MidrunError `io` when the file is in use, damaged or unreachable, `not_supported` when it is too new.
 */
export function openDatabase(path: string, lockTimeoutMs: number, steps = migrations): DatabaseSync {
  // Two schedulers over one job table would train every job twice. The lock goes with the process, however it ends.
  return open(path, { timeoutMs: lockTimeoutMs, pragmas: `PRAGMA locking_mode = EXCLUSIVE; ${durable}`, steps });
}

/**
 * For several processes at a time.
 * @throws MidrunError `io` when the file is damaged or unreachable, `not_supported` when it is too new.
 */
export function openSharedDatabase(path: string, steps: readonly Migration[]): DatabaseSync {
  return open(path, { timeoutMs: sharedTimeoutMs, pragmas: durable, steps });
}
