import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { squareSumBlock, squareSums } from "../../../src/collective/index.js";
import { clipCoefficient, globalNorm, normOfSquareSums } from "../../../src/optim/index.js";
import { gradientLike } from "../collective/reference.js";

interface Case {
  readonly max_grad_norm: number;
  /** One array a tensor. */
  readonly gradients: readonly (readonly number[])[];
  readonly grad_norm: number;
  readonly clipped: readonly (readonly number[])[];
}

const { cases } = JSON.parse(readFileSync(new URL("../../golden/optim/clip.json", import.meta.url), "utf8")) as {
  cases: Case[];
};

describe("gradients are clipped as by torch's clip_grad_norm_", () => {
  it.each(cases.map((reference) => [reference.grad_norm, reference.max_grad_norm, reference] as const))(
    "norm %d, limit %d",
    (_norm, limit, reference) => {
      const gradients = reference.gradients.flat();
      const norm = globalNorm(Float32Array.from(gradients));
      // The reference is f64; our gradients are rounded to f32, which moves the norm by as much.
      expect(Math.abs(norm - reference.grad_norm)).toBeLessThanOrEqual(reference.grad_norm * 2 ** -24);
      const coefficient = clipCoefficient(reference.grad_norm, limit);
      expect(gradients.map((gradient) => gradient * coefficient)).toEqual(reference.clipped.flat());
    },
  );

  it("does not clip if the limit is 0", () => {
    expect(clipCoefficient(1e9, 0)).toBe(1);
  });

  it("never enlarges a gradient", () => {
    expect(clipCoefficient(0, 1)).toBe(1);
    expect(clipCoefficient(1e-9, 1e9)).toBe(1);
  });

  it("does not hide a norm that is not a number", () => {
    expect(clipCoefficient(Number.NaN, 1)).toBeNaN();
    expect(globalNorm(Float32Array.of(1, Number.NaN))).toBeNaN();
    expect(globalNorm(Float32Array.of(1, -Infinity))).toBe(Infinity);
  });
});

describe("the norm is the same on every process", () => {
  it("is that of the mean gradient", () => {
    expect(globalNorm(Float32Array.of(30, 40), 1 / 10)).toBe(5);
    expect(globalNorm(new Float32Array(0))).toBe(0);
  });

  it("does not change when the vector is split at block boundaries", () => {
    const vector = gradientLike(7 * squareSumBlock + 77, 1);
    const cuts = [0, 1, 4, 5].map((block) => block * squareSumBlock);
    const sums = cuts.flatMap((cut, index) => [...squareSums(vector.subarray(cut, cuts[index + 1] ?? vector.length))]);
    expect(normOfSquareSums(Float64Array.from(sums), 1 / 170)).toBe(globalNorm(vector, 1 / 170));
  });
});
