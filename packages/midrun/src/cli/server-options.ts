/** The settings of a server, as its options. */
import type { Settings } from "../protocol/settings.ts";
import type { LocalServerOptions } from "../server/index.ts";
import type { ListenOptions } from "../server/serve.ts";

export function serverOptions(settings: Settings): LocalServerOptions & ListenOptions {
  const { host, port, dataDir, slots, onRestart, maxBodyBytes, maxFileBytes, allowedHosts, modelAliases } = settings;
  return {
    ...{ host, port, dataDir, slots, onRestart, maxBodyBytes, modelAliases },
    ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
    ...(allowedHosts.length > 0 ? { allowedHosts } : {}),
  };
}
