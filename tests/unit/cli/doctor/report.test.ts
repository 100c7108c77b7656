import { createColors } from "picocolors";
import { describe, expect, it } from "vitest";
import { diagnosisJson, diagnosisText, findingsText } from "../../../../src/cli/doctor/report.js";
import type { MethodNeeds, ModelDiagnosis } from "../../../../src/doctor/index.js";

const plain = createColors(false);
const memory = { total: 8e9, available: 3e9 };

const method = (quantization: "nf4" | null, peaks: readonly number[]): MethodNeeds => ({
  quantization,
  gradientCheckpointing: false,
  needs: peaks.map((peakBytes, index) => ({
    rows: 2 ** index,
    peakBytes,
    seconds: 2 + index,
    tokensPerSecond: 128 + index,
  })),
});

const diagnosis: ModelDiagnosis = {
  model: "models/small",
  facts: {
    family: "llama",
    layers: 30,
    hiddenSize: 192,
    period: 1,
    parameters: 134_515_008,
    layerParameters: 106_202_880,
    headParameters: 28_311_552,
  },
  adapterParameters: 4_884_480,
  stored: { bytes: 269_000_000, types: ["BF16"] },
  length: 256,
  device: "cpu (no CUDA provider is installed)",
  threads: 2,
  methods: [method(null, [1.35e9, 2.9e9]), method("nf4", [0.9e9, 2.4e9])],
  baseLoss: { lora: 3, qlora: 3.06, tokens: 511 },
};

describe("the doctor's report", () => {
  it("has a line per finding about the machine, with a hint", () => {
    const text = findingsText(
      [
        { name: "memory", state: "good", text: "8 GB" },
        { name: "cache", state: "bad", text: "/c cannot be written.", hint: "Name another." },
      ],
      plain,
    );
    expect(text).toBe("ok    memory      8 GB\nbad   cache       /c cannot be written. Name another.\n");
  });

  it("has a column per training method of a model, the losses, and a recommendation", () => {
    const text = diagnosisText(diagnosis, memory, plain);
    expect(text).toContain("llama, 134.5 M parameters in 30 layers, BF16, 269 MB on disk\n");
    expect(text).toMatch(/^micro_batch_size {2}LoRA +QLoRA \(nf4\)$/m);
    expect(text).toMatch(/^ +1 {2}1\.35 GB, 128 tokens\/s +900 MB, 128 tokens\/s$/m);
    expect(text).toMatch(/^ +2 {2}2\.90 GB, 129 tokens\/s +2\.40 GB, 129 tokens\/s$/m);
    expect(text).toContain("on 511 tokens: 3.0000, in nf4 3.0600 (+2.0 %)");
    expect(text).toContain("LoRA, micro_batch_size: 1 on this machine, with 3 GB free: it fits");
  });

  it("says which memory is meant if a device has its own", () => {
    expect(diagnosisText(diagnosis, memory, plain)).not.toContain("is not measured");
    const text = diagnosisText({ ...diagnosis, device: "cuda (asked for)" }, memory, plain);
    expect(text).toContain("the memory of the cuda device is not measured\n");
  });

  it("says that nothing fits", () => {
    expect(diagnosisText(diagnosis, { total: 8e9, available: 5e8 }, plain)).toContain("Nothing fits into 500 MB.");
  });

  it("is JSON for programs, in whole bytes and seconds", () => {
    const json = diagnosisJson([], memory, diagnosis);
    expect(json).toMatchObject({
      machine: { memory_total_bytes: 8e9, memory_available_bytes: 3e9 },
      model: { family: "llama", stored_bytes: 269_000_000 },
      max_length: 256,
      advice: { quantization: null, gradient_checkpointing: false, micro_batch_size: 1 },
    });
    expect(json["predictions"]).toHaveLength(4);
    expect(json["predictions"]).toContainEqual({
      quantization: "nf4",
      gradient_checkpointing: false,
      micro_batch_size: 2,
      peak_bytes: 2.4e9,
      seconds: 3,
      tokens_per_second: 129,
    });
    expect(diagnosisJson([], memory, null)).not.toHaveProperty("model");
  });
});
