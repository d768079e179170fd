/**
 * API keys and projects in an SQLite file of their own. Unlike the jobs' file it is open to several processes: keys are
 * made and revoked on the command line while the server runs, and it looks at them anew with every request.
 */
import type { KeyRecord, KeyRecords, ProjectRecord } from "../key-records.ts";
import { openSharedDatabase } from "./sqlite-open.ts";
import type { Migration } from "./sqlite-schema.ts";
import { createStatements } from "./sqlite-statements.ts";

const migrations: readonly Migration[] = [
  {
    name: "projects, API keys",
    sql: `
      CREATE TABLE projects (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL UNIQUE,
        created_at TEXT NOT NULL
      ) STRICT;
      CREATE TABLE api_keys (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        project_id TEXT NOT NULL REFERENCES projects (id),
        name TEXT NOT NULL,
        hash TEXT NOT NULL,
        hint TEXT NOT NULL,
        created_at TEXT NOT NULL,
        last_used_at TEXT,
        revoked_at TEXT
      ) STRICT;
    `,
  },
];

const selectProject = "SELECT id, name, created_at AS createdAt FROM projects";
const selectKey = `SELECT id, project_id AS projectId, name, hash, hint, created_at AS createdAt,
  last_used_at AS lastUsedAt, revoked_at AS revokedAt FROM api_keys`;

export interface SqliteKeys extends KeyRecords {
  close(): void;
}

/** @throws MidrunError `io` when the file is damaged or unreachable; `not_supported` when a newer midrun wrote it */
export function createSqliteKeys(path: string): SqliteKeys {
  const database = openSharedDatabase(path, migrations);
  const { run, get, all } = createStatements(database);
  // Rows of SQLite have no prototype; records are plain objects.
  const plain = <T extends object>(row: T): T => ({ ...row });

  return {
    async putProject({ id, name, createdAt }) {
      run(
        "INSERT INTO projects (id, name, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
        ...[id, name, createdAt],
      );
      return plain(get<ProjectRecord>(`${selectProject} WHERE name = ?`, name)!);
    },
    listProjects: async () => all<ProjectRecord>(`${selectProject} ORDER BY seq`).map(plain),
    createKey: async ({ id, projectId, name, hash, hint, createdAt, lastUsedAt, revokedAt }) =>
      void run(
        `INSERT INTO api_keys (id, project_id, name, hash, hint, created_at, last_used_at, revoked_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[id, projectId, name, hash, hint, createdAt, lastUsedAt, revokedAt],
      ),
    async getKey(id) {
      const row = get<KeyRecord>(`${selectKey} WHERE id = ?`, id);
      return row ? plain(row) : null;
    },
    listKeys: async () => all<KeyRecord>(`${selectKey} ORDER BY seq`).map(plain),
    hasKeys: async () => get<{ id: string }>("SELECT id FROM api_keys LIMIT 1") !== undefined,
    revokeKey: async (id, revokedAt) =>
      run("UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", revokedAt, id).changes > 0,
    markKeyUsed: async (id, lastUsedAt) =>
      void run("UPDATE api_keys SET last_used_at = ? WHERE id = ?", lastUsedAt, id),
    close: () => database.close(),
  };
}
