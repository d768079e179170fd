import { expect, it } from "vitest";
import * as midrun from "./index.ts";

it("midrun exports this list and nothing else", () => {
  expect(Object.keys(midrun).sort()).toEqual([
    "ApiError",
    "FinetuneError",
    "MidrunError",
    "createClient",
    "createMidrun",
    "createTrainer",
    "defineConfig",
    "finetune",
    "isMidrun",
    "loadModel",
    "readDeltas",
    "readMessage",
    "readText",
    "runTrainer",
    "unloadModel",
  ]);
});
