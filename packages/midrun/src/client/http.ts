/** One request: base address, key, abort, time limit, and the failures as errors. */
import { isMidrunError, MidrunError } from "../errors.ts";
import { raceAbort } from "./abort.ts";
import { toApiError } from "./api-error.ts";
import { type Patience, retryTransient } from "./backoff.ts";

/** `globalThis.fetch` is one; so is `app.fetch` of an in-process server. */
export type Fetch = (request: Request) => Response | Promise<Response>;

export interface Transport extends Patience {
  /** Origin of the server, without a trailing slash and without `/v1`. */
  baseURL: string;
  apiKey: string | undefined;
  /** Asked for at the first request: an in-process server starts only then. */
  fetch: () => Promise<Fetch>;
  /** Time limit of a request whose answer is one JSON document. */
  timeoutMs: number;
}

export interface ApiRequest {
  method: "GET" | "POST" | "DELETE";
  /** Begins with `/v1/`. */
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Options of every client call whose answer is one document. */
export interface RequestOptions {
  /** Ends the request; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Default: the client's, 10 minutes. */
  timeoutMs?: number;
  /** Ask again, with growing pauses, while the server cannot be reached or answers 408, 429 or 5xx. Default false. */
  retry?: boolean;
}

/** The response once its headers are there. Throws `ApiError` when not 2xx, `MidrunError` `network` when there is none. */
export async function send(transport: Transport, asked: ApiRequest): Promise<Response> {
  asked.signal?.throwIfAborted();
  const request = toRequest(transport, asked);
  const fetch = await raceAbort(transport.fetch(), asked.signal);
  const response = await withNetworkError(asked, transport, async () => fetch(request));
  if (!response.ok) throw await withNetworkError(asked, transport, () => toApiError(response));
  return response;
}

/** The answer's JSON document. Throws like `send`, and `network` when the answer is none or takes too long. */
export async function sendJson<T>(
  transport: Transport,
  asked: Omit<ApiRequest, "signal">,
  { signal, timeoutMs = transport.timeoutMs, retry = false }: RequestOptions = {},
): Promise<T> {
  const once = () =>
    withTimeLimit(asked, timeoutMs, signal, async (limited) => {
      const response = await send(transport, { ...asked, signal: limited });
      return (await withNetworkError({ ...asked, signal: limited }, transport, () => response.json())) as T;
    });
  return retry ? retryTransient(once, transport, signal) : once();
}

function toRequest({ baseURL, apiKey }: Transport, { method, path, body, headers, signal }: ApiRequest): Request {
  return new Request(baseURL + path, {
    method,
    headers: {
      ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
}

/** Whatever breaks between asking and the last byte is `network`; an abort stays the signal's own reason. */
async function withNetworkError<T>(
  { method, path, signal }: ApiRequest,
  { baseURL }: Transport,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await raceAbort(operation(), signal);
  } catch (cause) {
    signal?.throwIfAborted();
    if (isMidrunError(cause)) throw cause;
    throw new MidrunError("network", `${method} ${baseURL}${path} failed: ${reasonOf(cause)}.`, {
      hint: "Is the server running there? `npx midrun serve` starts one; without MIDRUN_BASE_URL none is needed.",
      cause,
    });
  }
}

async function withTimeLimit<T>(
  { method, path }: Omit<ApiRequest, "signal">,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  operation: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    return await operation(signal ? AbortSignal.any([signal, limit]) : limit);
  } catch (cause) {
    if (cause !== limit.reason || !limit.aborted) throw cause;
    throw new MidrunError("network", `${method} ${path} gave no answer within ${timeoutMs / 1000} s.`, { cause });
  }
}

/** `fetch failed` says nothing; what failed is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const deeper = cause instanceof Error ? cause.message || String((cause as { code?: unknown }).code ?? "") : "";
  return deeper || error.message;
}
