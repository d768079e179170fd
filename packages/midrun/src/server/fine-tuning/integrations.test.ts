import { expect, it } from "vitest";
import { createFineTuningJobSchema } from "../../protocol/openai.ts";
import { reportToOf } from "./integrations.ts";

const reporting = { wandb: { apiKey: "secret" } };
const wandb = { project: "support", name: null, entity: "team", tags: ["nightly"] };
const requestWith = (...projects: object[]) =>
  createFineTuningJobSchema.parse({
    ...{ model: "m", training_file: "file-1" },
    integrations: projects.map((project) => ({ type: "wandb", wandb: project })),
  });

it("Weights & Biases is told of the run as the request says", () => {
  const { name: _, ...told } = wandb;
  expect(reportToOf(requestWith(wandb), reporting)).toEqual({ reportTo: { wandb: told } });
  expect(reportToOf(requestWith({ project: "p", name: "n" }), reporting)).toEqual({
    reportTo: { wandb: { project: "p", name: "n" } },
  });
});

it("nobody is told when nobody is named", () => {
  expect(reportToOf(requestWith(), reporting)).toEqual({});
  expect(
    reportToOf(createFineTuningJobSchema.parse({ model: "m", training_file: "f", integrations: null }), {}),
  ).toEqual({});
});

it.each([
  ["a second project", [wandb, wandb], reporting, "integrations[1]"],
  ["a server without a key", [wandb], {}, "integrations[0]"],
])("%s is refused", (_, projects, set, param) => {
  expect(() => reportToOf(requestWith(...projects), set)).toThrow(
    expect.objectContaining({ code: "invalid_request", param }),
  );
});
