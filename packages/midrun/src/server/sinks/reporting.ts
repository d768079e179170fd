/** Which services this server may tell of its jobs, and the refusal of jobs that ask for another. */
import { MidrunError } from "../../errors.ts";
import type { JobSpec } from "../../protocol/job.ts";
import { type MlflowTarget, mlflowSink } from "./mlflow.ts";
import type { CreateSink } from "./sink.ts";
import { type WandbTarget, wandbSink } from "./wandb.ts";

/** Addresses and keys. They stay with the server: a job only says that it wants to be told of, and under which name. */
export interface Reporting {
  wandb?: WandbTarget;
  mlflow?: MlflowTarget;
}

type Service = keyof Reporting;

const variables: Record<Service, string> = { wandb: "WANDB_API_KEY", mlflow: "MLFLOW_TRACKING_URI" };

/** The variables that the services' own clients read. */
export function reportingOf(env: Readonly<Record<string, string | undefined>>): Reporting {
  const { WANDB_API_KEY: apiKey, WANDB_BASE_URL: baseURL, MLFLOW_TRACKING_URI: trackingUri } = env;
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: username, MLFLOW_TRACKING_PASSWORD: password } = env;
  const credentials = {
    ...(token ? { token } : {}),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
  };
  // MLflow's clients also take directories and databases there; those need MLflow itself.
  const isServer = /^https?:\/\//.test(trackingUri ?? "");
  return {
    ...(apiKey ? { wandb: { apiKey, ...(baseURL ? { baseURL } : {}) } } : {}),
    ...(isServer ? { mlflow: { trackingUri: trackingUri!, ...credentials } } : {}),
  };
}

export function reportingSinks({ wandb, mlflow }: Reporting): CreateSink[] {
  return [...(wandb ? [wandbSink(wandb)] : []), ...(mlflow ? [mlflowSink(mlflow)] : [])];
}

/** @throws MidrunError `invalid_config` for a service that this server has no key or address of */
export function checkReporting({ reportTo = {} }: Pick<JobSpec, "reportTo">, reporting: Reporting): void {
  const missing = (Object.keys(variables) as Service[]).find((service) => reportTo[service] && !reporting[service]);
  if (missing === undefined) return;
  throw new MidrunError("invalid_config", `reportTo.${missing}: this server is not set up for it.`, {
    param: `reportTo.${missing}`,
    hint: `Start the server with ${variables[missing]}, or leave reportTo.${missing} out.`,
  });
}
