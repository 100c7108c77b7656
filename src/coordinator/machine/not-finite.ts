/** Checks a step's sum before it is applied: a loss or gradient norm that is not finite ends the run. Pure. */
import { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";

export interface SummedStep {
  readonly step: StepNumber;
  /** Mean over the global batch, nats. */
  readonly loss: number;
  readonly gradNorm: number;
  /** Workers compute in float16. */
  readonly float16: boolean;
  /** The run started from a newly initialised adapter (a no-op), not from a trained one. */
  readonly freshAdapter: boolean;
}

/** @returns why a step must not be applied, or undefined if it may be */
export function whyNotFinite(sum: SummedStep): CoxswainError | undefined {
  const { step, loss, gradNorm, float16, freshAdapter } = sum;
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return undefined;
  const what = Number.isFinite(loss) ? `the gradient norm is ${gradNorm}` : `the loss is ${loss}`;
  if (step === 1 && freshAdapter) return modelNotFinite(what, sum);
  const narrow = float16 ? `${wider}, ` : "";
  return new CoxswainError("diverged", `step ${step}: ${what}; the step was not applied`, {
    hint:
      `The state of step ${step - 1} is kept. Lower training.learning_rate or lengthen the warm-up, ${narrow}` +
      "check the data near this step. Changed settings make another run: give it another output_dir; " +
      "lora.init_adapter can start it from the checkpoint.",
  });
}

const wider = "use compute.dtype: float32 (float16 ends at 65504)";

/** Before the first step, B is zero: the adapter does not change the model's output, and no update has been applied. */
function modelNotFinite(what: string, { float16 }: SummedStep): CoxswainError {
  const cause = "The adapter is still zero, so this comes from the base model, not from the learning rate:";
  const weights = "check its weights (NaN or infinite values; a damaged or wrongly converted file)";
  return new CoxswainError("model", `step 1: ${what}; the step was not applied`, {
    hint: `${cause} ${float16 ? `${wider}, or ${weights}` : `${weights} and the dtype that they are stored in`}.`,
  });
}
