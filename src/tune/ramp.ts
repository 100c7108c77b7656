/**
 * The learning rates of a range test: an exponential ramp, so that every decade takes equally many steps (Smith 2017,
 * "Cyclical Learning Rates for Training Neural Networks"; exponential as in fastai's and Lightning's `lr_find`). Pure.
 */
import { CoxswainError } from "../errors.js";

export interface Ramp {
  /** The rate of step 1. */
  readonly from: number;
  /** The rate of the last step. */
  readonly to: number;
  readonly steps: number;
}

/** 100 steps, and 1e-7 to start with: the defaults of fastai and Lightning. LoRA does not need their end of 1 or 10. */
export const defaultRamp: Ramp = { from: 1e-7, to: 1e-1, steps: 100 };

/** With fewer steps the smoothed curve has no shape. */
const fewestSteps = 10;
const mostSteps = 10_000;

/** @throws CoxswainError "usage" for a ramp that does not rise, or has too few or too many steps */
export function checkRamp({ from, to, steps }: Ramp): void {
  if (!(from > 0 && Number.isFinite(from))) {
    throw new CoxswainError("usage", `--from ${from}: the ramp must start above 0`, {
      hint: "The ramp is exponential: start at a small rate such as 1e-7.",
    });
  }
  if (!(to > from && Number.isFinite(to))) {
    throw new CoxswainError("usage", `--to ${to} is not above --from ${from}`, {
      hint: `The ramp rises: by default from ${defaultRamp.from} to ${defaultRamp.to}.`,
    });
  }
  if (!(Number.isSafeInteger(steps) && steps >= fewestSteps && steps <= mostSteps)) {
    throw new CoxswainError("usage", `--steps ${steps}: expected ${fewestSteps} to ${mostSteps} steps`, {
      hint: `Too few steps leave no curve to read; the default is ${defaultRamp.steps}.`,
    });
  }
}

/** @returns the learning rate of step k, counted from 1; after the last step it stays */
export function rampRate({ from, to, steps }: Ramp): (step: number) => number {
  const ratio = to / from;
  return (step) => {
    if (step >= steps) return to;
    return from * ratio ** ((step - 1) / (steps - 1));
  };
}
