/** The routes of each project, made when it first asks. */
import type { Hono } from "hono";
import { createRoutes } from "../all-routes.ts";
import type { Env, Services } from "../context.ts";
import type { FileStorage } from "../files/storage.ts";
import { createProjectServices, type ProjectServices } from "./project-services.ts";

export interface ProjectRoutes {
  of(projectId: string): Hono<Env>;
  /** Breaks off what the projects' services still do. */
  close(): Promise<void>;
}

export function createProjectRoutes(
  services: Services,
  place: { storage: FileStorage; dataDir: string },
): ProjectRoutes {
  const made = new Map<string, ProjectServices & { routes: Hono<Env> }>();
  const make = (projectId: string) => {
    const project = createProjectServices(services, { projectId, ...place });
    const entry = { ...project, routes: createRoutes(project.services) };
    made.set(projectId, entry);
    return entry;
  };
  return {
    of: (projectId) => (made.get(projectId) ?? make(projectId)).routes,
    async close() {
      await Promise.all(made.values().map(({ fineTuning }) => fineTuning.close()));
    },
  };
}
