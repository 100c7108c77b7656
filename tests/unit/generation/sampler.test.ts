import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { candidates, checkSampling, greedyToken, sampleToken } from "../../../src/generation/sampler.js";
import { PhiloxStream, streams } from "../../../src/math/philox.js";

interface SamplingCase {
  readonly logits: number[];
  readonly temperature: number;
  readonly top_k: number;
  readonly top_p: number;
  readonly ids: number[];
  readonly probabilities: number[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../golden/generation/sampling.json", import.meta.url), "utf8"),
) as SamplingCase[];

const never = (): number => {
  throw new Error("greedy choice must not draw");
};

describe("greedy choice", () => {
  it("selects the most likely token, the lowest id among equals", () => {
    expect(greedyToken(Float32Array.of(-1, 4, 0, 4))).toBe(1);
    expect(greedyToken(Float32Array.of(-Infinity, -3, -2))).toBe(2);
  });

  it("is used for temperature 0, whatever else is set", () => {
    expect(sampleToken(Float32Array.of(0, 2, 1), { temperature: 0, topP: 0.1, topK: 2 }, never)).toBe(1);
  });

  it("throws if the logits are not numbers", () => {
    expect(() => greedyToken(Float32Array.of(1, Number.NaN, 2))).toThrow(/NaN for token 1/);
    const all = Float32Array.of(Number.NaN, Number.NaN);
    expect(() => sampleToken(all, { temperature: 1, topP: 1, topK: 0 }, () => 0.5)).toThrow(/not numbers/);
  });
});

describe("filters keep the tokens that transformers keeps", () => {
  it.each(golden.map((one, index) => [index, one] as const))("case %i", (_, one) => {
    const options = { temperature: one.temperature, topP: one.top_p, topK: one.top_k };
    const { ids, probabilities } = candidates(Float32Array.from(one.logits), options);
    expect(Array.from(ids)).toEqual(one.ids);
    probabilities.forEach((probability, index) => expect(probability).toBeCloseTo(one.probabilities[index]!, 6));
  });

  it("covers every filter", () => {
    expect(golden).toHaveLength(33);
    expect(golden.filter(({ ids, logits }) => ids.length < logits.length).length).toBeGreaterThan(20);
  });

  it("keeps one token, however small top-p is", () => {
    const { ids, probabilities } = candidates(Float32Array.of(0, 0.1, 0), { temperature: 1, topP: 1e-9, topK: 0 });
    expect([Array.from(ids), Array.from(probabilities)]).toEqual([[1], [1]]);
  });
});

describe("a draw", () => {
  // Probabilities 0.5, 0.25, 0.125, 0.125.
  const logits = Float32Array.from([0.5, 0.25, 0.125, 0.125], Math.log);
  const draw = (point: number, topK = 0): number => sampleToken(logits, { temperature: 1, topP: 1, topK }, () => point);

  it("follows the cumulative probabilities in the order of the ids", () => {
    expect([0, 0.49, 0.51, 0.74, 0.76, 0.87, 0.88, 0.999].map((point) => draw(point))).toEqual([
      0, 0, 1, 1, 2, 2, 3, 3,
    ]);
  });

  it("renormalises over what the filters keep", () => {
    // Of the two likeliest: 2/3 and 1/3.
    expect([0.66, 0.67, 0.99].map((point) => draw(point, 2))).toEqual([0, 1, 1]);
  });

  it("has the frequencies of the probabilities", () => {
    const random = new PhiloxStream(1, streams.sampling);
    const counts = [0, 0, 0, 0];
    const draws = 20_000;
    for (let n = 0; n < draws; n++) counts[draw(random.uniform())]!++;
    // Five standard deviations of a binomial count.
    [0.5, 0.25, 0.125, 0.125].forEach((probability, id) => {
      const deviation = Math.sqrt(draws * probability * (1 - probability));
      expect(Math.abs(counts[id]! - draws * probability)).toBeLessThan(5 * deviation);
    });
  });
});

describe("settings out of range are rejected by name", () => {
  it.each([
    [{ temperature: -1, topP: 1, topK: 0 }, /temperature is -1/],
    [{ temperature: Number.NaN, topP: 1, topK: 0 }, /temperature is NaN/],
    [{ temperature: 1, topP: 0, topK: 0 }, /top-p is 0/],
    [{ temperature: 1, topP: 1.5, topK: 0 }, /top-p is 1.5/],
    [{ temperature: 1, topP: 1, topK: 2.5 }, /top-k is 2.5/],
  ])("%o", (options, message) => {
    expect(() => checkSampling(options)).toThrow(message);
  });
});
