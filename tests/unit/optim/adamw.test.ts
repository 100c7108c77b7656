import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CoxswainError } from "../../../src/errors.js";
import { adamwConstants, adamwUpdate, type AdamwState, type AdamwUpdate } from "../../../src/optim/index.js";
import { bitsOf, gradientLike, referenceAdamw } from "../collective/reference.js";

interface Case {
  readonly name: string;
  readonly adam_beta1: number;
  readonly adam_beta2: number;
  readonly adam_epsilon: number;
  readonly weight_decay: number;
  /** One a step. */
  readonly learning_rate: readonly number[];
  readonly start: readonly number[];
  /** [steps, 64] */
  readonly gradients: readonly (readonly number[])[];
  /** torch's, after each step, [steps, 64]; in f32, and the same run in f64. */
  readonly parameters: readonly (readonly number[])[];
  readonly parameters_float64: readonly (readonly number[])[];
  /** torch's moments at the end, [64]. */
  readonly exp_avg: readonly number[];
  readonly exp_avg_sq: readonly number[];
}

const { cases } = JSON.parse(readFileSync(new URL("../../golden/optim/adamw.json", import.meta.url), "utf8")) as {
  cases: Case[];
};

const updateOf = (reference: Case, index: number): AdamwUpdate => ({
  beta1: reference.adam_beta1,
  beta2: reference.adam_beta2,
  epsilon: reference.adam_epsilon,
  weightDecay: reference.weight_decay,
  step: index + 1,
  learningRate: reference.learning_rate[index]!,
  scale: 1,
});

function newState(start: readonly number[]): AdamwState {
  const zeros = (): Float32Array => new Float32Array(start.length);
  return { parameters: Float32Array.from(start), m: zeros(), v: zeros() };
}

/** The distance to the next f32 above |value|. */
function ulp(value: number): number {
  const bits = new Uint32Array(Float32Array.of(Math.abs(value)).buffer);
  const next = new Float32Array(Uint32Array.of(bits[0]! + 1).buffer)[0]!;
  return next - Math.fround(Math.abs(value));
}

/**
 * The largest distance between two vectors, in ulps of the second, or of `floors` where these are larger: what is a
 * difference of larger terms has the ulps of those.
 */
function worstUlps(actual: ArrayLike<number>, expected: readonly number[], floors: (index: number) => number): number {
  const distances = expected.map(
    (value, index) => Math.abs(actual[index]! - value) / ulp(Math.max(Math.abs(value), floors(index))),
  );
  return Math.max(...distances);
}

describe("the optimiser is torch's AdamW", () => {
  it.each(cases.map((reference) => [reference.name, reference] as const))("%s", (_name, reference) => {
    const state = newState(reference.start);
    let distance = 0;
    let error = 0;
    let torchsError = 0;
    reference.gradients.forEach((gradients, index) => {
      adamwUpdate(state, Float32Array.from(gradients), updateOf(reference, index));
      const floor = (): number => reference.learning_rate[index]!;
      const torchs = reference.parameters[index]!;
      const exact = reference.parameters_float64[index]!;
      distance = Math.max(distance, worstUlps(state.parameters, torchs, floor));
      error = Math.max(error, worstUlps(state.parameters, exact, floor));
      torchsError = Math.max(torchsError, worstUlps(torchs, exact, floor));
    });
    const largestGradient = (index: number): number =>
      Math.max(...reference.gradients.map((gradients) => Math.abs(gradients[index]!)));
    // torch fuses two multiply-adds in vector code, and its square root may be an ulp off: these add up over steps.
    expect(distance).toBeLessThanOrEqual(6);
    expect(worstUlps(state.m, reference.exp_avg, largestGradient)).toBeLessThanOrEqual(2);
    expect(worstUlps(state.v, reference.exp_avg_sq, () => 0)).toBeLessThanOrEqual(4);
    // About as near to exact arithmetic as torch's own f32.
    expect(error).toBeLessThanOrEqual(torchsError + 2);
  });
});

describe("an update is a function of its inputs alone", () => {
  const update: AdamwUpdate = {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
    step: 3,
    learningRate: 2e-4,
    scale: 0.7 / 170,
  };
  const state = (): AdamwState => ({
    parameters: gradientLike(9000, 1),
    m: gradientLike(9000, 2),
    v: gradientLike(9000, 3).map(Math.abs),
  });
  const bits = ({ parameters, m, v }: AdamwState): number[][] => [parameters, m, v].map(bitsOf);
  const gradients = gradientLike(9000, 4);

  it("scales the sum of gradients by the clip coefficient and the tokens", () => {
    const scaled = state();
    adamwUpdate(scaled, gradients, update);
    const given = state();
    const scale = Math.fround(update.scale);
    adamwUpdate(
      given,
      gradients.map((value) => Math.fround(value * scale)),
      { ...update, scale: 1 },
    );
    expect(bits(scaled)).toEqual(bits(given));
  });

  it("can be applied in slices", () => {
    const whole = state();
    adamwUpdate(whole, gradients, update);
    const sliced = state();
    adamwUpdate(sliced, gradients, update, { from: 4097, to: 9000 });
    adamwUpdate(sliced, gradients, update, { from: 0, to: 4097 });
    expect(bits(sliced)).toEqual(bits(whole));
  });

  it("is plain f32 arithmetic, the same on every machine", () => {
    for (const beta1 of [0.9, 0.5, 0.3, 0]) {
      const actual = state();
      const expected = state();
      referenceAdamw({ ...expected, gradients }, adamwConstants({ ...update, beta1 }), 0, 9000);
      adamwUpdate(actual, gradients, { ...update, beta1 });
      expect(bits(actual)).toEqual(bits(expected));
    }
  });

  it("corrects the bias like Python's **, also late in a run", () => {
    for (const step of [1, 2, 3, 10, 999, 12_345, 1_000_000]) {
      const { correction2, minusStepSize } = adamwConstants({ ...update, step });
      expect(Math.fround(correction2)).toBe(Math.fround(Math.sqrt(1 - 0.999 ** step)));
      expect(Math.fround(minusStepSize)).toBe(Math.fround(-2e-4 / (1 - 0.9 ** step)));
    }
  });

  it("has no step 0", () => {
    expect(() => adamwConstants({ ...update, step: 0 })).toThrow(CoxswainError);
    expect(() => adamwConstants({ ...update, step: 1.5 })).toThrow(CoxswainError);
  });
});
