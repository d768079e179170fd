import { describe, expect, it } from "vitest";
import { MidrunError } from "../../errors.ts";
import type { RunnerEvent } from "../runner.ts";
import { runnerConformance } from "../runner-conformance.ts";
import { exampleSpec } from "../stores/conformance.ts";
import { createFakeRunner } from "./fake.ts";

runnerConformance("createFakeRunner", async () => {
  const unknown = { ...exampleSpec, model: "no/such-model" };
  const failing = { ...exampleSpec, maxSteps: 500 };
  let jobDirs = 0;
  const runner = createFakeRunner({
    failures: [{ step: 500, error: new MidrunError("diverged", "Loss is NaN.") }],
    preflight: ({ model }) => {
      if (model === unknown.model) throw new MidrunError("model_not_found", `There is no model ${model}.`);
    },
  });
  return {
    runner,
    spec: exampleSpec,
    newJobDir: async () => `/jobs/${++jobDirs}`,
    failingSpec: failing,
    refusedSpecs: [{ spec: unknown, code: "model_not_found" }],
    dispose: () => runner.close(),
  };
});

describe("createFakeRunner", () => {
  const job = { id: "job_a", spec: exampleSpec } as Parameters<ReturnType<typeof createFakeRunner>["train"]>[0];

  it("moves only when it is told to, with the losses it is given", async () => {
    const runner = createFakeRunner({ manual: true, steps: 3, loss: (step) => 10 - step, saveSteps: 0 });
    const events: RunnerEvent[] = [];
    const { result } = runner.train(job, { jobDir: "/a", lease: 1, initialAdapterDir: null }, (event) =>
      events.push(event),
    );
    const losses = () => events.flatMap((event) => (event.type === "training.log" ? [event.loss] : []));
    await runner.advance();
    expect(losses()).toEqual([9]);
    expect(runner.training).toEqual(["job_a"]);
    await Promise.all([runner.advance(), runner.advance()]);
    expect(losses()).toEqual([9, 8, 7]);
    expect((await result).status).toBe("completed");
    expect(runner.training).toEqual([]);
    await expect(runner.advance()).rejects.toMatchObject({ code: "invalid_state" });
  });

  it("dies or fails when it is told to, and reports nothing after that", async () => {
    const runner = createFakeRunner({ manual: true });
    for (const kill of [() => runner.crash(), () => runner.fail(new MidrunError("diverged", "NaN"))]) {
      const events: RunnerEvent[] = [];
      const { result } = runner.train(job, { jobDir: "/a", lease: 1, initialAdapterDir: null }, (event) =>
        events.push(event),
      );
      const failed = expect(result).rejects.toThrow();
      await runner.advance();
      const advanced = runner.advance();
      kill();
      const told = events.length;
      await Promise.all([failed, advanced]);
      expect(events.length).toBe(told);
    }
  });

  it("stops a reply at a stop string and at the length", async () => {
    const runner = createFakeRunner({ reply: () => "one two END three" });
    const ask = async (maxTokens: number, stop: string[]) => {
      const events = [];
      const signal = new AbortController().signal;
      const input = { model: "m", adapterDir: null, messages: [], temperature: 0, topP: 1, seed: null };
      for await (const event of runner.generate({ ...input, maxTokens, stop, signal })) events.push(event);
      return events;
    };
    expect(await ask(9, ["END"])).toMatchObject([{ delta: "one " }, { delta: "two " }, { finishReason: "stop" }]);
    expect(await ask(1, [])).toMatchObject([{ delta: "one " }, { finishReason: "length", completionTokens: 1 }]);
  });
});
