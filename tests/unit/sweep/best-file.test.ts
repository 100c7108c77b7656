import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadRunObject, parseRun } from "../../../src/config/index.js";
import { bestFile } from "../../../src/sweep/best-file.js";

const text = `# yaml-language-server: $schema=../schema/run.schema.json
# About this run.
model: ./model
output_dir: runs/one # where it goes
data:
  train: [data/a.jsonl, {path: data/b.jsonl, weight: 2}]
  eval: ~/eval.jsonl
training:
  learning_rate: 1.0e-4 # too low?
lora:
cluster:
  token: secret-secret-secret
`;

const written = (settings: Record<string, unknown>): string => {
  const { config } = loadRunObject(parse(text), "/work/project");
  return bestFile({ text, config, settings, folder: "/work/project/runs/sweep", heading: ["The best."] });
};

describe("best.yaml", () => {
  it("has the settings of the trial, and keeps the comments", () => {
    const best = written({ "training.learning_rate": 3e-3, "lora.r": 8 });
    expect(parse(best)).toMatchObject({ training: { learning_rate: 3e-3 }, lora: { r: 8 }, output_dir: "best" });
    expect(best).toContain("# too low?");
    expect(best).toContain("# About this run.");
    expect(best.startsWith("# The best.\n")).toBe(true);
    expect(best).not.toContain("$schema");
  });

  it("has paths that are relative to its own folder", () => {
    const { model, data } = parse(written({})) as { model: string; data: { train: unknown; eval: string } };
    expect(model).toBe("../../model");
    expect(data.train).toEqual(["../../data/a.jsonl", { path: "../../data/b.jsonl", weight: 2 }]);
    expect(data.eval).toBe("~/eval.jsonl");
  });

  it("has no secrets", () => {
    expect(written({})).not.toContain("secret-secret");
  });

  it("writes numbers that YAML 1.1 reads as numbers, and lists", () => {
    const best = written({ "training.learning_rate": 1e-7, "lora.target_modules": ["q_proj", "v_proj"] });
    expect(best).toContain("learning_rate: 1.0e-7");
    expect(parseRun(best, "best.yaml").lora.target_modules).toEqual(["q_proj", "v_proj"]);
  });
});

describe("best.yaml of a run file with anchors", () => {
  it("has the settings of the trial, without changing what repeats the anchor", () => {
    const anchored = text.replace("lora:\n", "lora: { r: &r 16, lora_alpha: *r }\n");
    const { config } = loadRunObject(parse(anchored), "/work/project");
    const settings = { "lora.r": 8, "data.train": "data/other.jsonl" };
    const changed = { ...config, data: { ...config.data, train: "/work/project/data/other.jsonl" } };
    const best = bestFile({
      text: anchored,
      config: changed,
      settings,
      folder: "/work/project/runs/sweep",
      heading: [],
    });
    expect(parse(best)).toMatchObject({
      lora: { r: 8, lora_alpha: 16 },
      data: { train: "../../data/other.jsonl" },
    });
  });
});
