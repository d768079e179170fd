/** `/v1/fine_tuning/checkpoints/{checkpoint}/permissions`: kept and listed as given. They open nothing: a project reaches its own models alone. */
import { Hono } from "hono";
import type {
  PermissionCreateResponse,
  PermissionDeleteResponse,
} from "openai/resources/fine-tuning/checkpoints/permissions";
import { createPermissionsSchema } from "../../protocol/openai.ts";
import { timestampOf } from "../clock.ts";
import type { Env, Services } from "../context.ts";
import { toUnix } from "../file-object.ts";
import type { PermissionRecord } from "../file-records.ts";
import { newPermissionId } from "../ids.ts";
import { pageAfter, readChoice, readLimit, withIds } from "../openai-page.ts";
import { readOpenAI } from "../openai-request.ts";
import { resolveModel } from "../resolve-model.ts";
import { WireError } from "../wire-error.ts";

const toPermission = ({ id, createdAt, projectId }: PermissionRecord): PermissionCreateResponse => ({
  id,
  object: "checkpoint.permission",
  created_at: toUnix(createdAt),
  project_id: projectId,
});

export function checkpointPermissionRoutes(services: Services): Hono<Env> {
  const { store, clock } = services;

  /** Throws 404. */
  async function getCheckpoint(name: string): Promise<string> {
    if (name.startsWith("ft:")) return (await resolveModel(services, name)).name;
    throw new WireError("model_not_found", "model_not_found", `There is no checkpoint "${name}".`, {
      param: "fine_tuned_model_checkpoint",
    });
  }

  return new Hono<Env>()
    .post("/:checkpoint{.+}/permissions", async (c) => {
      const checkpoint = await getCheckpoint(c.req.param("checkpoint"));
      const { project_ids } = await readOpenAI(c, createPermissionsSchema);
      const createdAt = timestampOf(clock);
      const added = project_ids.map((projectId) => ({ id: newPermissionId(), checkpoint, projectId, createdAt }));
      await store.addPermissions(added);
      return c.json(withIds({ object: "list", data: added.map(toPermission), has_more: false }));
    })
    .get("/:checkpoint{.+}/permissions", async (c) => {
      const checkpoint = await getCheckpoint(c.req.param("checkpoint"));
      const projectId = c.req.query("project_id");
      const all = (await store.listPermissions(checkpoint)).filter(
        (permission) => !projectId || permission.projectId === projectId,
      );
      const ordered = readChoice(c, "order", ["descending", "ascending"]) === "ascending" ? all : all.reverse();
      const limit = readLimit(c, { max: 100, fallback: 10 });
      return c.json(withIds(pageAfter(ordered.map(toPermission), { after: c.req.query("after"), limit })));
    })
    .delete("/:checkpoint{.+}/permissions/:id", async (c) => {
      const checkpoint = await getCheckpoint(c.req.param("checkpoint"));
      const id = c.req.param("id");
      if (await store.deletePermission(checkpoint, id)) {
        return c.json({ id, object: "checkpoint.permission", deleted: true } satisfies PermissionDeleteResponse);
      }
      throw new WireError("file_not_found", null, `No such permission: ${id}`, { param: "permission_id" });
    });
}
