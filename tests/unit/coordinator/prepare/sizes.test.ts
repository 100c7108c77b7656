import { describe, expect, it } from "vitest";
import { checkMemory, checkRank, checkWorkers } from "../../../../src/coordinator/prepare/sizes.js";
import { runSchema } from "../../../../src/config/index.js";
import { loraLayout } from "../../../../src/model/index.js";
import { errorOf } from "../../../support/errors.js";

const modules = [
  { path: "k_proj", inFeatures: 576, outFeatures: 192 },
  { path: "up_proj", inFeatures: 576, outFeatures: 1536 },
];
const runOf = (r: number) => runSchema.parse({ model: "m", output_dir: "o", data: { train: "t" }, lora: { r } });
const layoutOf = (r: number) =>
  loraLayout({ r, alpha: 1, dropout: 0, targetModules: "all-linear", useRslora: false }, modules);

describe("a typo in a size is refused immediately", () => {
  it("a rank above that of every adapted matrix is refused with the largest useful one", () => {
    expect(() => checkRank(runOf(576), modules)).not.toThrow();
    expect(errorOf(() => checkRank(runOf(577), modules))).toMatchObject({
      code: "config",
      message: "lora.r is 577, but no adapted matrix has a rank above 576 (up_proj: 1536 x 576)",
      hint: "Set lora.r to 576 or less; typical values are 8 to 64.",
    });
  });

  it("parameters that do not fit in a process are refused with the memory they need", () => {
    const layout = layoutOf(500);
    const memory = layout.size * 16; // 23 MB
    expect(() => checkMemory(layout, { memory, workers: 0 })).not.toThrow();
    expect(errorOf(() => checkMemory(layout, { memory: memory * 2, workers: 2 })).message).toBe(
      "lora: 1,440,000 parameters are trained (r 500), which need 23 MB in the coordinator and each of 2 local workers; this machine has 46.1 MB",
    );
  });

  it("more worker processes than fit in memory are refused with the largest number that fits", () => {
    expect(() => checkWorkers({ memory: 8e9, workers: 100 })).not.toThrow();
    const { message, hint } = errorOf(() => checkWorkers({ memory: 8e9, workers: 1000 }));
    expect(message).toBe("workers: 1000 processes need 80 GB before they open a model; this machine has 8 GB");
    expect(hint).toMatch(/^Start 100 at most here\./);
  });
});
