import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigReader } from "../../../src/compute/families/config-reader.js";
import { rotarySettings } from "../../../src/compute/families/rope.js";
import { RotaryTable } from "../../../src/compute/batch/rotary-table.js";
import { relativeDifference } from "../../support/allclose.js";

interface RopeCase {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly inv_freq: number[];
  readonly attention_scaling: number;
}
const file = await readFile(join(import.meta.dirname, "../../golden/rope.json"), "utf8");
const { cases } = JSON.parse(file) as { cases: RopeCase[] };
const reader = (config: Record<string, unknown>): ConfigReader =>
  ConfigReader.of({ path: "folder", config, tensors: new Map() });
const plain = { hidden_size: 64, num_attention_heads: 4, max_position_embeddings: 128 };

describe("rotary frequencies equal those of transformers", () => {
  it.each(cases)("$name", ({ config, inv_freq: expected, attention_scaling: attentionFactor }) => {
    const settings = rotarySettings(reader(config), expected.length * 2);
    expect(settings.inverseFrequencies).toHaveLength(expected.length);
    settings.inverseFrequencies.forEach((frequency, i) => expect(frequency / expected[i]!).toBeCloseTo(1, 6));
    expect(settings.attentionFactor).toBeCloseTo(attentionFactor, 12);
  });
});

describe("rotary tables", () => {
  it("contain cos and sin of position times frequency, however they grew", () => {
    const settings = { inverseFrequencies: Float32Array.of(1, 0.1), attentionFactor: 2 };
    const grown = new RotaryTable(settings);
    expect(grown.upTo(1).positions).toBe(256);
    const { positions, cos, sin } = grown.upTo(700);
    expect(positions).toBe(1024);
    const at = 600;
    const angles = [600, Math.fround(600 * Math.fround(0.1))];
    expect(
      relativeDifference(
        cos.subarray(at * 2, at * 2 + 2),
        angles.map((angle) => 2 * Math.cos(angle)),
      ),
    ).toBeLessThan(1e-6);
    expect(
      relativeDifference(
        sin.subarray(at * 2, at * 2 + 2),
        angles.map((angle) => 2 * Math.sin(angle)),
      ),
    ).toBeLessThan(1e-6);
  });
});

it("a row of many short examples works with tables shorter than the row", () => {
  const table = new RotaryTable({ inverseFrequencies: Float32Array.of(1), attentionFactor: 1 });
  const positions = new Int32Array(600);
  expect(
    table.covering({ rows: 1, length: 600, inputIds: new Int32Array(600), positions }).positions,
  ).toBeGreaterThanOrEqual(600);
});

describe("unsupported rope settings are refused", () => {
  it.each([
    ["dynamic", { rope_scaling: { type: "dynamic", factor: 2 } }, /rope type "dynamic" is not supported/],
    ["longrope", { rope_parameters: { rope_type: "longrope" } }, /rope type "longrope" is not supported/],
    [
      "by layer",
      { rope_parameters: { full_attention: { rope_type: "default" } } },
      /per-layer rotary settings \(full_attention\)/,
    ],
    ["partial", { partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
    ["no factor", { rope_scaling: { rope_type: "linear" } }, /rope_scaling: "factor" is missing/],
  ])("%s", (_, config, message) => {
    expect(() => rotarySettings(reader({ ...plain, ...config }), 16)).toThrow(message);
  });

  it("an odd head_dim", () => {
    expect(() => rotarySettings(reader(plain), 15)).toThrow(/15 elements of each head .* need an even number/);
  });
});
