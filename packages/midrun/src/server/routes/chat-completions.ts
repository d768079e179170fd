/** `/v1/chat/completions`: OpenAI's chat, answered by any base model, final adapter or checkpoint. */
import { Hono } from "hono";
import { ignoredFields, parseChatCompletionRequest } from "../chat-ask.ts";
import type { Env, Services } from "../context.ts";
import { keepFields, readKeep } from "../kept-completions.ts";
import { reportIgnored } from "../openai-request.ts";
import { readJson } from "../request-body.ts";
import { answerChat } from "./answer.ts";

export function chatCompletionRoutes(services: Services): Hono<Env> {
  return new Hono<Env>().post("/", async (c) => {
    const body = await readJson(c);
    const ask = parseChatCompletionRequest(body);
    const keep = readKeep(body, services, c.get("requestId"));
    reportIgnored(
      c,
      ignoredFields(body).filter((name) => keep === null || !keepFields.includes(name)),
    );
    return answerChat(c, services, ask, keep);
  });
}
