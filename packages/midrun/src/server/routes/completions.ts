/** `/v1/completions`: OpenAI's legacy text completions, for harnesses that write prompts themselves. */
import { type Context, Hono } from "hono";
import { refuseBeyond } from "../chat-refusals.ts";
import type { Env, Services } from "../context.ts";
import { newTextCompletionId } from "../ids.ts";
import { merge } from "../merge.ts";
import { reportIgnored } from "../openai-request.ts";
import { readJson } from "../request-body.ts";
import { resolveModel } from "../resolve-model.ts";
import { ignoredTextFields, parseCompletionRequest, type TextAsk } from "../text-ask.ts";
import { toTextChunks, toTextCompletion } from "../text-completion.ts";
import { watched } from "../watch-generation.ts";
import { begun, streamChunks } from "./answer.ts";

async function answerText(c: Context<Env>, services: Services, ask: TextAsk): Promise<Response> {
  const { prompts, input, stream, includeUsage, echo, spell } = ask;
  const { counters, clock } = services;
  const { runner, model, adapterDir, name } = await resolveModel(services, ask.model);
  refuseBeyond(runner, { ...input, prompt: prompts[0]! }, spell);
  counters.add("generations", prompts.length);
  const left = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, left.signal]);
  const answers = prompts.map((prompt) =>
    watched(runner.generate({ ...input, prompt, model, adapterDir, signal }), spell, counters),
  );
  const events = merge(answers);
  const head = { id: newTextCompletionId(), created: Math.floor(clock.now() / 1000), model: name };
  const shape = { n: input.n ?? 1, includeUsage, echoed: echo ? prompts.map(String) : null };
  if (!stream) return c.json(await toTextCompletion(head, events, prompts.length, shape));
  return streamChunks(c, services, toTextChunks(head, await begun(events), prompts.length, shape), left);
}

export function completionRoutes(services: Services): Hono<Env> {
  return new Hono<Env>().post("/", async (c) => {
    const body = await readJson(c);
    const ask = parseCompletionRequest(body);
    reportIgnored(c, ignoredTextFields(body));
    return answerText(c, services, ask);
  });
}
