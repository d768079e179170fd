/** `client.models`: mirrors `/v1/models` and `/v1/inference`. */
import { abortableBody } from "./abort.ts";
import { type RequestOptions, send, sendJson, type Transport } from "./http.ts";
import { type InferArgs, type InferTarget, toInferBody } from "./infer.ts";

/** A model that can be asked by name. */
export interface ModelInfo {
  /** What `client.models.infer` and `createTrainer({ model })` take. */
  id: string;
  /** ISO 8601. */
  createdAt: string;
  ownedBy: string;
}

export interface ModelsResource {
  list(options?: RequestOptions): Promise<ModelInfo[]>;
  /** Deletes the weights of a fine-tuned model, or of one checkpoint, by its name. The job and its history stay. */
  delete(model: string, options?: RequestOptions): Promise<void>;
  /** Asks a model by name, or a job's checkpoint or final adapter. Semantics: see `Infer`. */
  infer(target: InferTarget, args: InferArgs): Promise<Response>;
}

export function createModelsResource(transport: Transport): ModelsResource {
  return {
    list: async (options) => {
      const { data } = await sendJson<{ data: WireModel[] }>(transport, { method: "GET", path: "/v1/models" }, options);
      return data.map(toModelInfo);
    },
    delete: async (model, options) => {
      const path = `/v1/models/${encodeURIComponent(model)}`;
      await sendJson<unknown>(transport, { method: "DELETE", path }, options);
    },
    infer: async (target, args) => {
      const { signal } = args;
      const body = toInferBody(target, args);
      const response = await send(transport, { method: "POST", path: "/v1/inference/chat", body, signal });
      return signal ? abortableBody(response, signal) : response;
    },
  };
}

/** OpenAI's shape, which that route speaks. */
interface WireModel {
  id: string;
  created: number;
  owned_by: string;
}

function toModelInfo({ id, created, owned_by }: WireModel): ModelInfo {
  return { id, createdAt: new Date(created * 1000).toISOString(), ownedBy: owned_by };
}
