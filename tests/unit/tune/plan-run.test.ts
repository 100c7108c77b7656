import { describe, expect, it } from "vitest";
import { planRows, planSteps, publishedRate } from "../../../src/tune/index.js";

describe("the row length of a new run file", () => {
  it("is the 99th percentile, rounded up to a multiple of 64", () => {
    const lengths = [...Array.from({ length: 99 }, () => 65), 4000];
    expect(planRows({ lengths, limit: 8192 })).toMatchObject({
      percentile: 65,
      longest: 4000,
      maxLength: 128,
      truncated: 1,
    });
  });

  it("is at most the model's limit", () => {
    expect(planRows({ lengths: [990, 995, 1000], limit: 1000 }).maxLength).toBe(1000);
  });

  it("packs examples that fill less than half of a row", () => {
    expect(planRows({ lengths: [10, 20, 500], limit: null })).toMatchObject({ maxLength: 512, packing: true, rows: 2 });
    expect(planRows({ lengths: [400, 450, 500], limit: null })).toMatchObject({ packing: false, rows: 3 });
  });

  it("covers a single example", () => {
    expect(planRows({ lengths: [7], limit: null })).toMatchObject({ maxLength: 64, truncated: 0 });
  });
});

describe("the batch of a new run file", () => {
  it("is 16 rows, or fewer where that would leave less than 200 steps", () => {
    expect(planSteps(2000)).toMatchObject({ globalBatchSize: 16, epochs: 3, steps: 375, saveSteps: 75 });
    expect(planSteps(300)).toMatchObject({ globalBatchSize: 4, steps: 225 });
    // Small data: enough shards for several workers, and no row twice in a step.
    expect(planSteps(5)).toMatchObject({ globalBatchSize: 4, steps: 4, saveSteps: 1, loggingSteps: 1 });
    expect(planSteps(3)).toMatchObject({ globalBatchSize: 2, steps: 5 });
    expect(planSteps(1)).toMatchObject({ globalBatchSize: 1, steps: 3 });
  });
});

describe("the published learning rate", () => {
  const model = { hiddenSize: 2000, parameters: 1e9 };

  it("is ten times 5e-5 for a llama or qwen with the rule's hidden size", () => {
    for (const family of ["llama", "qwen2", "qwen3"])
      expect(publishedRate({ ...model, family }).learningRate).toBe(5e-4);
  });

  it("depends on the hidden size by the family's exponent", () => {
    // 5e-4 * (2000 / 4096) ** 0.781 = 2.857e-4; with 0.0775: 4.729e-4.
    expect(publishedRate({ ...model, family: "llama", hiddenSize: 4096 }).learningRate).toBe(2.9e-4);
    expect(publishedRate({ ...model, family: "qwen3", hiddenSize: 4096 }).learningRate).toBe(4.7e-4);
  });

  it("is that of the QLoRA paper for other families", () => {
    expect(publishedRate({ ...model, family: "gpt2" }).learningRate).toBe(2e-4);
    expect(publishedRate({ ...model, family: "mistral", parameters: 33e9 }).learningRate).toBe(1e-4);
  });
});
