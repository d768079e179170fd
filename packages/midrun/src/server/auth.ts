/** Who asks: a request's API key, and the project that it belongs to. */
import type { ApiKey, KeyService } from "./keys.ts";
import { WireError } from "./wire-error.ts";

/**
 * `auto`: a key is asked for from the moment one has been made. `required`: always. `off`: never, and everything is one's own;
 * for servers in the process of the only one who asks them.
 */
export type AuthMode = "auto" | "required" | "off";

const howTo = "Send it in the header `Authorization: Bearer sk-midrun-…`; `midrun keys create` makes one.";

/** The end of a long key is shown, so that its owner can tell which one it was. */
const masked = (key: string) => (key.length > 24 ? `"…${key.slice(-4)}"` : "that was given");

/** The key in an `Authorization` header; null without one. Throws 401 for another scheme. */
function readBearer(header: string | undefined): string | null {
  if (header === undefined || header.trim() === "") return null;
  const key = /^Bearer +(\S+) *$/i.exec(header)?.[1];
  if (key !== undefined) return key;
  throw new WireError("invalid_api_key", null, "The Authorization header holds no API key.", { hint: howTo });
}

/** Gives the key of a request; null when none is needed. Throws 401, as OpenAI words it. */
export type Gate = (authorization: string | undefined) => Promise<ApiKey | null>;

export function createGate(keys: Pick<KeyService, "check" | "exist">, mode: AuthMode): Gate {
  return async (authorization) => {
    if (mode === "off") return null;
    if (mode === "auto" && !(await keys.exist())) return null;
    const given = readBearer(authorization);
    if (given === null) {
      throw new WireError("invalid_api_key", null, "You gave no API key.", { hint: howTo });
    }
    const key = await keys.check(given);
    if (key) return key;
    const message = `The API key ${masked(given)} is not one of this server's, or was revoked.`;
    throw new WireError("invalid_api_key", "invalid_api_key", message, {
      hint: "midrun keys list shows those there are.",
    });
  };
}
