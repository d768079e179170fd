/** The settings of a server, as its options. */
import type { Settings } from "../protocol/settings.ts";
import type { LocalServerOptions } from "../server/index.ts";
import type { LogLevel } from "../server/observe/log.ts";
import type { ListenOptions } from "../server/serve.ts";

/** `logLevel`: for who set none. */
export async function serverOptions(
  settings: Settings,
  defaults: { logLevel: LogLevel },
): Promise<LocalServerOptions & ListenOptions> {
  const { createServerLog } = await import("../server/index.ts");
  const { host, port, dataDir, slots, onRestart, auth, maxBodyBytes, modelAliases } = settings;
  const {
    requestsPerMinute,
    maxFileBytes,
    allowedHosts,
    logLevel: level = defaults.logLevel,
    generationWeights,
  } = settings;
  return {
    ...{ host, port, dataDir, slots, onRestart, auth, maxBodyBytes, modelAliases },
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(generationWeights === undefined ? {} : { generationWeights }),
    ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
    ...(allowedHosts.length > 0 ? { allowedHosts } : {}),
    serverLog: createServerLog({ level }),
  };
}
