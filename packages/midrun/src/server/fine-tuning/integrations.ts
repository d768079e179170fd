/** `integrations` of OpenAI's requests: Weights & Biases, as a job's own `reportTo`. */
import type { JobSpec } from "../../protocol/job.ts";
import type { CreateFineTuningJob } from "../../protocol/openai.ts";
import type { Reporting } from "../sinks/reporting.ts";
import { badRequest } from "../wire-error.ts";

/** @throws WireError 400 for more than one, and where the server has no key for it */
export function reportToOf({ integrations }: CreateFineTuningJob, reporting: Reporting): Pick<JobSpec, "reportTo"> {
  const [first, second] = integrations ?? [];
  if (first === undefined) return {};
  if (second !== undefined) throw badRequest("A job can be shown in one project.", "integrations[1]");
  if (reporting.wandb === undefined) {
    const hint = "Start the server with WANDB_API_KEY, or leave integrations out.";
    throw badRequest("This server is not set up for Weights & Biases.", "integrations[0]", null, hint);
  }
  const { project, name, entity, tags } = first.wandb;
  const wandb = { project, ...(name ? { name } : {}), ...(entity ? { entity } : {}), ...(tags ? { tags } : {}) };
  return { reportTo: { wandb } };
}
