/** The tables of `sqlite.ts`, as the list of steps that made them. A step is never changed once released: add one. */

export interface Migration {
  name: string;
  sql: string;
}

/** The database's version is the number of steps it has been through. */
export const migrations: readonly Migration[] = [
  {
    name: "jobs, events, artifacts, idempotency keys",
    // A spec may hold a whole data set: in a table of its own it is not rewritten with every step's metrics.
    sql: `
      CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        model TEXT NOT NULL,
        model_name TEXT NOT NULL UNIQUE,
        status TEXT NOT NULL,
        requested TEXT,
        crashes INTEGER NOT NULL DEFAULT 0,
        queue_position INTEGER NOT NULL,
        last_event_id INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        started_at TEXT,
        finished_at TEXT,
        step INTEGER NOT NULL DEFAULT 0,
        total_steps INTEGER,
        metrics TEXT,
        error TEXT
      ) STRICT;
      CREATE INDEX jobs_by_status ON jobs (status, seq);
      CREATE INDEX jobs_by_queue ON jobs (queue_position);
      CREATE INDEX jobs_queue ON jobs (queue_position) WHERE status = 'queued';
      CREATE INDEX jobs_by_model ON jobs (model, created_at);
      CREATE TABLE job_specs (
        job_id TEXT PRIMARY KEY REFERENCES jobs (id),
        spec TEXT NOT NULL
      ) STRICT;
      CREATE TABLE events (
        job_id TEXT NOT NULL REFERENCES jobs (id),
        id INTEGER NOT NULL,
        timestamp TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (job_id, id)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE artifacts (
        job_id TEXT NOT NULL REFERENCES jobs (id),
        kind TEXT NOT NULL,
        step INTEGER NOT NULL,
        path TEXT NOT NULL,
        files TEXT NOT NULL,
        metrics TEXT,
        created_at TEXT NOT NULL,
        PRIMARY KEY (job_id, kind, step)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE idempotency_keys (
        key TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        job_id TEXT NOT NULL REFERENCES jobs (id)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    name: "fine-tuning requests, files, uploads, checkpoint permissions",
    sql: `
      ALTER TABLE jobs ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE jobs ADD COLUMN fine_tuning TEXT;
      CREATE TABLE files (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        purpose TEXT NOT NULL,
        record TEXT NOT NULL
      ) STRICT;
      CREATE INDEX files_by_purpose ON files (purpose, seq);
      CREATE TABLE uploads (
        id TEXT PRIMARY KEY,
        record TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE upload_parts (
        seq INTEGER PRIMARY KEY,
        upload_id TEXT NOT NULL REFERENCES uploads (id),
        record TEXT NOT NULL
      ) STRICT;
      CREATE INDEX upload_parts_by_upload ON upload_parts (upload_id, seq);
      CREATE TABLE checkpoint_permissions (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        checkpoint TEXT NOT NULL,
        record TEXT NOT NULL
      ) STRICT;
      CREATE INDEX checkpoint_permissions_by_checkpoint ON checkpoint_permissions (checkpoint, seq);
    `,
  },
  {
    name: "kept chat completions",
    sql: `
      CREATE TABLE chat_completions (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        record TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    name: "leases, priorities",
    sql: `
      ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE jobs ADD COLUMN lease_holder TEXT;
      ALTER TABLE jobs ADD COLUMN lease_token INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE jobs ADD COLUMN lease_beat INTEGER NOT NULL DEFAULT 0;
      DROP INDEX jobs_queue;
      CREATE INDEX jobs_queue ON jobs (priority DESC, queue_position) WHERE status = 'queued';
    `,
  },
  {
    name: "projects",
    sql: `
      ALTER TABLE jobs ADD COLUMN project_id TEXT NOT NULL DEFAULT 'proj_default';
      CREATE INDEX jobs_by_project ON jobs (project_id, seq);
    `,
  },
];
