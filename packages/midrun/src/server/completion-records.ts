/** Answers that were asked to be kept (`store: true`): what the store keeps of them. */
import type { ChatCompletion } from "../protocol/chat.ts";

export interface CompletionRecord {
  id: string;
  /** Project that owns it. Default: the default project. */
  projectId?: string;
  /** ISO 8601. */
  createdAt: string;
  metadata: Record<string, string> | null;
  completion: ChatCompletion;
  /** The request's fields as they came, `messages` among them. */
  request: Record<string, unknown>;
  requestId: string;
}

export interface ListCompletions {
  /** Give completions after the one with this id; an unknown id gives an empty page. */
  after?: string;
  limit: number;
  order: "asc" | "desc";
  /** Only this project's. Default: everybody's. */
  projectId?: string;
}

/** Every promise resolves when the data is on disk (where there is one). */
export interface CompletionRecords {
  /** In place of an older one with the same id. */
  putCompletion(record: CompletionRecord): Promise<void>;
  getCompletion(id: string): Promise<CompletionRecord | null>;
  listCompletions(options: ListCompletions): Promise<{ data: CompletionRecord[]; hasMore: boolean }>;
  /** False: there was none. */
  deleteCompletion(id: string): Promise<boolean>;
}
