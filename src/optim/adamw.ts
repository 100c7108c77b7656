/**
 * AdamW (Loshchilov & Hutter 2019) as torch computes it, in one pass over flat vectors: torch/optim/adam.py,
 * `_single_tensor_adam` with decoupled weight decay. Every operation is rounded to f32 and nothing is fused, so that
 * replicas on different machines stay equal to the bit; torch fuses some multiplications and additions, which
 * occasionally changes a result by an ulp. Does not know tensors, schedules or clipping.
 */
import { adamwElements, type AdamwConstants } from "../collective/index.js";
import { CoxswainError } from "../errors.js";

export interface AdamwSettings {
  /** Decay of the first moment, [0, 1). */
  readonly beta1: number;
  /** Decay of the second moment, [0, 1). */
  readonly beta2: number;
  /** Added to the root of the second moment. */
  readonly epsilon: number;
  /** Weight decay per step, relative to the learning rate. */
  readonly weightDecay: number;
}

export interface AdamwUpdate extends AdamwSettings {
  /** Updates so far, this one included: 1 for the first. */
  readonly step: number;
  readonly learningRate: number;
  /** Factor of the gradient sum: clip coefficient / supervised tokens. */
  readonly scale: number;
}

/** The flat vectors that AdamW reads and writes, of equal length. */
export interface AdamwState {
  readonly parameters: Float32Array;
  /** First moments; zero before the first step. */
  readonly m: Float32Array;
  /** Second moments; zero before the first step. */
  readonly v: Float32Array;
}

/**
 * base ** exponent by squaring: multiplications alone, which are exact to the bit everywhere, where `Math.pow` may
 * differ between versions of Node. The error of about exponent * 1e-16 is lost in the f32 that is made of it.
 */
function wholePower(base: number, exponent: number): number {
  let power = 1;
  for (let rest = exponent, square = base; rest > 0; rest = Math.floor(rest / 2), square *= square) {
    if (rest % 2 === 1) power *= square;
  }
  return power;
}

/**
 * The constants of an update, in f64; the kernel rounds them to f32, as torch does with
 * Python's floats.
 */
export function adamwConstants(update: AdamwUpdate): AdamwConstants {
  const { beta1, beta2, epsilon, weightDecay, step, learningRate, scale } = update;
  if (!Number.isSafeInteger(step) || step < 1)
    throw new CoxswainError("bug", `step ${step} is not an optimiser update`);
  // torch's lerp(m, gradient, weight) starts from the nearer end.
  const weight = Math.fround(1 - beta1);
  const lerpFromGradient = weight >= 0.5;
  return {
    scale,
    decay: 1 - learningRate * weightDecay,
    lerpFromGradient,
    lerp: lerpFromGradient ? weight - 1 : weight,
    beta2,
    oneMinusBeta2: 1 - beta2,
    correction2: Math.sqrt(1 - wholePower(beta2, step)),
    epsilon,
    minusStepSize: -(learningRate / (1 - wholePower(beta1, step))),
  };
}

/**
 * One update in place. The gradient is `gradientSum * scale`.
 * @param gradientSum summed over the global batch's supervised tokens, as long as the state; not changed
 * @param range elements to update, by default all: ranges that together cover the vectors give the same bits
 * @throws CoxswainError "bug" for vectors of different lengths, a range beyond them, or step 0
 */
export function adamwUpdate(
  state: AdamwState,
  gradientSum: Float32Array,
  update: AdamwUpdate,
  range: { readonly from: number; readonly to: number } = { from: 0, to: gradientSum.length },
): void {
  const { parameters, m, v } = state;
  adamwElements({ parameters, m, v, gradients: gradientSum }, adamwConstants(update), range.from, range.to);
}
