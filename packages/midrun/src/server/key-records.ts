/** What the store keeps of API keys and the projects they belong to. The secrets themselves are kept nowhere: `keys.ts`. */

/** Owner of everything that is made without a key. */
export const defaultProject = { id: "proj_default", name: "default" } as const;

export interface ProjectRecord {
  id: string;
  /** Unique. */
  name: string;
  /** ISO 8601, as every time here. */
  createdAt: string;
}

export interface KeyRecord {
  id: string;
  projectId: string;
  name: string;
  /** SHA-256 of the secret, hexadecimal. */
  hash: string;
  /** Last characters of the secret, so that its owner knows it again. */
  hint: string;
  createdAt: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
}

/** Every promise resolves when the data is on disk (where there is one). */
export interface KeyRecords {
  /** The project of that name: the one there is, else this one. */
  putProject(project: ProjectRecord): Promise<ProjectRecord>;
  /** Oldest first. */
  listProjects(): Promise<ProjectRecord[]>;
  createKey(key: KeyRecord): Promise<void>;
  getKey(id: string): Promise<KeyRecord | null>;
  /** Oldest first, revoked ones too. */
  listKeys(): Promise<KeyRecord[]>;
  /** Whether a key was ever made: a revoked one counts. */
  hasKeys(): Promise<boolean>;
  /** The first revocation stands. False: there is no such key. */
  revokeKey(id: string, revokedAt: string): Promise<boolean>;
  markKeyUsed(id: string, lastUsedAt: string): Promise<void>;
}
