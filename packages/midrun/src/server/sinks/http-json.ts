/** Requests to somebody else's HTTP API: JSON both ways, a time limit, and errors that tell no secret. */

/** `globalThis.fetch` is one. */
export type SinkFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface HttpJsonOptions {
  fetch: SinkFetch;
  /** Of the `authorization` header; null: none. */
  authorization: string | null;
  /** What no message may hold. */
  secrets: readonly string[];
}

export interface HttpAnswer {
  status: number;
  body: Record<string, unknown>;
}

export type Send = (method: "GET" | "POST", url: string, signal: AbortSignal, body?: unknown) => Promise<HttpAnswer>;

const timeoutMs = 30_000;
const longestExcerpt = 200;

/** Throws what cannot be reached, and any status that is neither 2xx nor 404. */
export function createSend({ fetch, authorization, secrets }: HttpJsonOptions): Send {
  const all = [...secrets, authorization?.split(" ")[1] ?? ""].filter((secret) => secret !== "");
  const hidden = (text: string) => all.reduce((rest, secret) => rest.replaceAll(secret, "…"), text);
  const excerpt = (text: string) => hidden(text).slice(0, longestExcerpt);

  async function attempt(method: string, url: string, signal: AbortSignal, body: unknown): Promise<HttpAnswer> {
    const response = await fetch(url, {
      method,
      headers: {
        ...(authorization === null ? {} : { authorization }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A key goes to the host that was named, and to no other.
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const text = await response.text();
    if (!response.ok && response.status !== 404) throw new Error(`${response.status}: ${text}`);
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  return async (method, url, signal, body) => {
    try {
      return await attempt(method, url, signal, body);
    } catch (error) {
      const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
      const why = cause ? `${message}: ${cause.code ?? cause.message}` : message;
      // Without the cause: it may hold the request, and with it the key.
      throw new Error(excerpt(why));
    }
  };
}
