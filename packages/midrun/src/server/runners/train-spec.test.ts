import { describe, expect, it } from "vitest";
import { type JobSpecInput, jobSpecSchema } from "../../protocol/job.ts";
import { toTrainSpec } from "./train-spec.ts";

const place = { modelDir: "/models/nano", outputDir: "/jobs/a" };
const base: JobSpecInput = { name: "run", model: "midrun/nano", dataset: { type: "file", path: "/data.jsonl" } };
const convert = (overrides: Partial<JobSpecInput> = {}) =>
  toTrainSpec(jobSpecSchema.parse({ ...base, ...overrides }), place);
const specOf = (overrides?: Partial<JobSpecInput>) => convert(overrides).spec;

describe("toTrainSpec", () => {
  it("fills in every default", () => {
    expect(convert()).toEqual({
      spec: {
        modelDir: "/models/nano",
        modelName: "midrun/nano",
        outputDir: "/jobs/a",
        dataset: { type: "file", path: "/data.jsonl" },
        lora: { r: 16, alpha: 16 },
        maxLength: 1024,
        trainOnResponsesOnly: true,
        numTrainEpochs: 3,
        batchSize: 8,
        gradientAccumulationSteps: 1,
        packing: false,
        learningRate: 2e-4,
        lrSchedulerType: "linear",
        lrMin: 0,
        warmupSteps: { ratio: 0.03 },
        weightDecay: 0,
        adamBeta1: 0.9,
        adamBeta2: 0.999,
        adamEpsilon: 1e-8,
        maxGradNorm: 1,
        loggingSteps: 1,
        saveSteps: { ratio: 0.1 },
        evalSteps: 0,
        seed: 42,
        dryRun: false,
      },
      warnings: [],
    });
  });

  it("passes on everything that its user said", () => {
    const lora = {
      r: 8,
      alpha: 32,
      dropout: 0.1,
      targetModules: ["q_proj"],
      useRslora: true,
      seed: 3,
      layers: 2,
      initStd: 0.1,
      useDora: true,
    };
    const said = {
      gradientAccumulationSteps: 4,
      packing: true,
      batchSize: 2,
      learningRate: 1e-3,
      lrSchedulerType: "cosine",
      lrMin: 1e-5,
      weightDecay: 0.1,
      maxGradNorm: 0,
      seed: 7,
      dryRun: true,
      textStride: 64,
      chatTemplate: "{{ messages }}",
      microBatchMetrics: true,
    } as const;
    const spec = specOf({
      ...said,
      lora: { ...lora, maxLength: 256 },
      datasetFormat: { type: "alpaca" },
      warmupSteps: { steps: 5 },
      loggingSteps: 10,
      saveSteps: { ratio: 0.5 },
      trainOnResponsesOnly: { enabled: false },
      dataset: { type: "files", paths: ["/a.jsonl", "/b.jsonl"] },
      datasetSplit: { enabled: true, take: "last" },
    });
    expect(spec).toMatchObject({
      ...said,
      lora,
      maxLength: 256,
      datasetFormat: "alpaca",
      warmupSteps: 5,
      loggingSteps: 10,
      saveSteps: { ratio: 0.5 },
      trainOnResponsesOnly: false,
      dataset: { type: "files", paths: ["/a.jsonl", "/b.jsonl"], content: "rows" },
      evalSplit: { testSize: 0.1, seed: 42, take: "last" },
    });
  });

  it("counts in steps or in epochs, never in both", () => {
    expect(specOf({ maxSteps: 10, numTrainEpochs: 2 })).toMatchObject({ maxSteps: 10 });
    expect(specOf({ maxSteps: 10, numTrainEpochs: 2 })).not.toHaveProperty("numTrainEpochs");
    expect(specOf({ numTrainEpochs: 0.5 })).toMatchObject({ numTrainEpochs: 0.5 });
    expect(specOf({ numTrainEpochs: 0.5 })).not.toHaveProperty("maxSteps");
  });

  it("correctness 31: adapts every linear layer with alpha / r = 1 at ten times the rate of full fine-tuning", () => {
    const { lora, learningRate } = specOf({});
    expect(lora).toEqual({ r: 16, alpha: 16 });
    expect(learningRate).toBe(10 * specOf({ lora: false }).learningRate);
  });

  it.each<NonNullable<JobSpecInput["evalDataset"]>>([
    { type: "huggingface", name: "a/b", split: "test", subset: "en", revision: "v1", token: "hf_x" },
    { type: "blob", url: "https://a.example/b.jsonl", token: "x" },
  ])("passes on data sets that lie elsewhere: %j", (dataset) => {
    expect(specOf({ dataset, evalDataset: dataset })).toMatchObject({ dataset, evalDataset: dataset });
  });

  it("passes on how columns are called", () => {
    const columnMapping = { prompt: "question", completion: "answer" };
    const datasetFormat = { type: "prompt_completion", columnMapping } as const;
    expect(specOf({ datasetFormat })).toMatchObject({ datasetFormat: "prompt_completion", columnMapping });
  });

  it("takes a smaller learning rate for full fine-tuning", () => {
    expect(specOf({ lora: false })).toMatchObject({ lora: false, learningRate: 2e-5, maxLength: 1024 });
  });

  describe("held-out rows", () => {
    it("are looked at ten times when they are given", () => {
      expect(specOf({ datasetSplit: { enabled: true } })).toMatchObject({
        evalSplit: { testSize: 0.1, seed: 42 },
        evalSteps: { ratio: 0.1 },
      });
      const evalDataset = { type: "file", path: "/eval.jsonl" } as const;
      expect(specOf({ evalDataset, evalSteps: 5 })).toMatchObject({ evalDataset, evalSteps: 5 });
      expect(specOf({ evalDataset })).not.toHaveProperty("evalSplit");
    });

    it("are made when evalSteps asks for them, and its user is told", () => {
      const { spec, warnings } = convert({ evalSteps: { ratio: 0.2 } });
      expect(spec).toMatchObject({ evalSplit: { testSize: 0.1, seed: 42 }, evalSteps: { ratio: 0.2 } });
      expect(warnings).toEqual([expect.stringContaining("10 % of the data set are held out (seed 42)")]);
    });

    it.each([0, { ratio: 0 }, { steps: 0 }])("are not made when evalSteps is %j", (evalSteps) => {
      expect(convert({ evalSteps })).toMatchObject({ warnings: [], spec: { evalSteps: 0 } });
      expect(convert({ evalSteps }).spec).not.toHaveProperty("evalSplit");
    });
  });

  it("stops early on held-out loss, on rows that it holds out itself when none are given", () => {
    const { spec, warnings } = convert({ earlyStopping: { patience: 3 }, keepCheckpoints: 2 });
    expect(spec).toMatchObject({
      earlyStopping: { metric: "evalLoss", patience: 3 },
      keepCheckpoints: 2,
      evalSteps: { ratio: 0.1 },
      evalSplit: { testSize: 0.1, seed: 42 },
    });
    expect(warnings).toEqual([expect.stringContaining("earlyStopping is given without held-out rows")]);
    expect(convert({ earlyStopping: { metric: "loss", patience: 3 } })).toMatchObject({
      warnings: [],
      spec: { evalSteps: 0, earlyStopping: { metric: "loss", patience: 3 } },
    });
  });

  it("optimises preferences at a rate of their own", () => {
    expect(specOf({ method: "dpo", dpoBeta: 0.2 })).toMatchObject({ method: "dpo", dpoBeta: 0.2, learningRate: 1e-5 });
    expect(specOf({ method: "dpo" })).not.toHaveProperty("dpoBeta");
    expect(specOf({ method: "dpo", lora: false })).toMatchObject({ learningRate: 1e-6 });
    expect(specOf({ method: "dpo", learningRate: 3e-5 })).toMatchObject({ learningRate: 3e-5 });
  });

  it("goes on from an adapter", () => {
    const spec = jobSpecSchema.parse(base);
    expect(toTrainSpec(spec, { ...place, initialAdapterDir: "/jobs/b/adapter" }).spec).toMatchObject({
      initialAdapterDir: "/jobs/b/adapter",
    });
    expect(toTrainSpec(spec, { ...place, initialAdapterDir: null }).spec).not.toHaveProperty("initialAdapterDir");
  });

  it.each<[string, string, Partial<JobSpecInput>]>([
    ["invalid_config", "warmupRatio", { warmupRatio: 0.1, warmupSteps: 5 }],
    ["invalid_config", "evalSteps", { evalSteps: 5, datasetSplit: { enabled: false } }],
    ["invalid_config", "evalDataset", { datasetSplit: { enabled: true }, evalDataset: { type: "file", path: "/e" } }],
    ["not_supported", "evalDataset.type", { evalDataset: { type: "upload", fileId: "file-1" } }],
    ["invalid_config", "dpoBeta", { dpoBeta: 0.1 }],
    ["invalid_config", "earlyStopping", { earlyStopping: { patience: 2 }, datasetSplit: { enabled: false } }],
    ["invalid_config", "lora.loadIn8bit", { lora: { loadIn4bit: true, loadIn8bit: true } }],
  ])("refuses with %s, naming %s", (code, param, overrides) => {
    expect(() => convert(overrides)).toThrow(expect.objectContaining({ code, param, hint: expect.any(String) }));
  });
});
