/** Kept chat completions in SQLite: a part of `sqlite.ts`. Records are JSON. */
import type { CompletionRecord, CompletionRecords } from "../completion-records.ts";
import { ofProject } from "./sqlite-files.ts";
import type { Statements } from "./sqlite-statements.ts";

type RecordRow = { record: string };

const fromRow = ({ record }: RecordRow) => JSON.parse(record) as CompletionRecord;

export function createSqliteCompletions({ run, get, all }: Statements): CompletionRecords {
  return {
    // An update, so that a completion keeps its place in the order.
    putCompletion: async (record) =>
      void run(
        `INSERT INTO chat_completions (id, record) VALUES (?, ?)
         ON CONFLICT (id) DO UPDATE SET record = excluded.record`,
        ...[record.id, JSON.stringify(record)],
      ),
    getCompletion: async (id) => {
      const row = get<RecordRow>("SELECT record FROM chat_completions WHERE id = ?", id);
      return row ? fromRow(row) : null;
    },
    async listCompletions({ after, limit, order, projectId }) {
      const place = `seq ${order === "asc" ? ">" : "<"} (SELECT seq FROM chat_completions WHERE id = ?)`;
      const conditions = [...(after === undefined ? [] : [place]), ...(projectId === undefined ? [] : [ofProject])];
      const where = ["1", ...conditions].join(" AND ");
      const values = [after, projectId].filter((value) => value !== undefined);
      const sorted = `SELECT record FROM chat_completions WHERE ${where} ORDER BY seq ${order} LIMIT ?`;
      const rows = all<RecordRow>(sorted, ...values, limit + 1);
      return { data: rows.slice(0, limit).map(fromRow), hasMore: rows.length > limit };
    },
    deleteCompletion: async (id) => run("DELETE FROM chat_completions WHERE id = ?", id).changes > 0,
  };
}
