/** The settings of a server, as its options. */
import type { Settings } from "../protocol/settings.ts";
import type { LocalServerOptions } from "../server/index.ts";
import type { ListenOptions } from "../server/serve.ts";

export function serverOptions({
  host,
  port,
  dataDir,
  slots,
  allowedHosts,
  modelAliases,
}: Settings): LocalServerOptions & ListenOptions {
  const named = allowedHosts.length > 0 ? { allowedHosts } : {};
  return { host, port, dataDir, slots, modelAliases, ...named };
}
