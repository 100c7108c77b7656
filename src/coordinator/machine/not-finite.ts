/** Judges a step's sum before it is applied: a loss or a gradient that is not a number ends the run. Pure. */
import { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";

export interface SummedStep {
  readonly step: StepNumber;
  /** Nats, the mean over the global batch. */
  readonly loss: number;
  readonly gradNorm: number;
  /** Workers compute in float16. */
  readonly float16: boolean;
}

/** Why a step must not be applied; undefined where it may be. */
export function whyNotFinite({ step, loss, gradNorm, float16 }: SummedStep): CoxswainError | undefined {
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return undefined;
  const what = Number.isFinite(loss) ? `the gradient norm is ${gradNorm}` : `the loss is ${loss}`;
  const narrow = float16 ? "use compute.dtype: float32 (float16 ends at 65504), " : "";
  return new CoxswainError("config", `step ${step}: ${what}; the step was not applied`, {
    hint: `The state of step ${step - 1} is kept. Lower training.learning_rate or lengthen the warm-up, ${narrow}check the data near this step, then go on with --resume.`,
  });
}
