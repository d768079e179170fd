/** `/v1/chat/completions/…`: answers that were asked with `store: true`. */
import { type Context, Hono } from "hono";
import type { ChatCompletionDeleted, ChatCompletionStoreMessage } from "openai/resources/chat/completions";
import { z } from "zod";
import type { ChatCompletion } from "../../protocol/chat.ts";
import { metadataSchema } from "../../protocol/openai.ts";
import type { CompletionRecord } from "../completion-records.ts";
import type { Env, Services } from "../context.ts";
import { hasMetadata, readMetadata } from "../openai-metadata.ts";
import { type IdentifiedPage, pageAfter, pageOfMatching, readChoice, readLimit, withIds } from "../openai-page.ts";
import { readOpenAI } from "../openai-request.ts";
import type { Store } from "../store.ts";
import { WireError } from "../wire-error.ts";

const updateSchema = z.object({ metadata: metadataSchema.nullable() });

/** What a request asked for is shown beside its answer, null where it did not say. */
const shownFields = [
  ...["temperature", "top_p", "seed", "presence_penalty", "frequency_penalty"],
  ...["tools", "tool_choice", "response_format"],
];

interface StoredCompletion extends ChatCompletion {
  metadata: Record<string, string>;
  request_id: string;
  input_user: unknown;
}

function toStored({ completion, metadata, request, requestId }: CompletionRecord): StoredCompletion {
  const shown = Object.fromEntries(shownFields.map((name) => [name, request[name] ?? null]));
  return { ...shown, input_user: request.user ?? null, ...completion, metadata: metadata ?? {}, request_id: requestId };
}

/** `content` is always text: parts come beside it. */
type StoredMessage = Omit<ChatCompletionStoreMessage, "role"> & { role: string };

type TextPart = { type: "text"; text: string };

function toMessages({ id, request }: CompletionRecord): StoredMessage[] {
  const messages = request.messages as { role: string; content?: string | TextPart[] | null }[];
  return messages.map((message, i) => {
    const { content = null } = message;
    const parts = Array.isArray(content) ? content : null;
    const text = Array.isArray(content) ? content.map((part) => part.text).join("") : content;
    return { refusal: null, ...message, id: `${id}-${i}`, content: text, content_parts: parts };
  });
}

async function listStored(c: Context<Env>, store: Store): Promise<IdentifiedPage<StoredCompletion>> {
  const wanted = readMetadata(c);
  const model = c.req.query("model");
  const order = readChoice(c, "order", ["asc", "desc"]);
  const { data, hasMore } = await pageOfMatching(
    (options) => store.listCompletions({ ...options, order }),
    ({ completion, metadata }) => hasMetadata(metadata, wanted) && (!model || completion.model === model),
    { after: c.req.query("after"), limit: readLimit(c, { max: 100, fallback: 20 }) },
  );
  return withIds({ object: "list", data: data.map(toStored), has_more: hasMore });
}

export function storedCompletionRoutes({ store }: Services): Hono<Env> {
  const notFound = (id: string) =>
    new WireError("file_not_found", null, `There is no stored chat completion ${id}.`, {
      param: "completion_id",
      hint: 'Only those asked with "store": true are kept.',
    });

  async function getRecord(c: Context<Env>): Promise<CompletionRecord> {
    const id = c.req.param("id") ?? "";
    const record = await store.getCompletion(id);
    if (record) return record;
    throw notFound(id);
  }

  return new Hono<Env>()
    .get("/", async (c) => c.json(await listStored(c, store)))
    .get("/:id", async (c) => c.json(toStored(await getRecord(c))))
    .post("/:id", async (c) => {
      const changed = { ...(await getRecord(c)), ...(await readOpenAI(c, updateSchema)) };
      await store.putCompletion(changed);
      return c.json(toStored(changed));
    })
    .delete("/:id", async (c) => {
      const id = c.req.param("id");
      if (!(await store.deleteCompletion(id))) throw notFound(id);
      return c.json({ id, object: "chat.completion.deleted", deleted: true } satisfies ChatCompletionDeleted);
    })
    .get("/:id/messages", async (c) => {
      const messages = toMessages(await getRecord(c));
      const ordered = readChoice(c, "order", ["asc", "desc"]) === "asc" ? messages : messages.reverse();
      const limit = readLimit(c, { max: 100, fallback: 20 });
      return c.json(withIds(pageAfter(ordered, { after: c.req.query("after"), limit })));
    });
}
