/** Without this, a run that should stop early, or end with its best adapter, does neither and says nothing. */
import { describe, expect, it } from "vitest";
import { evaluationsNote } from "../../../../src/coordinator/prepare/evaluations.js";
import { notEvaluated, withEvaluation, type BestRule } from "../../../../src/coordinator/machine/best.js";

const settings = {
  metric_for_best_model: "eval_loss",
  eval_steps: 10,
  load_best_model_at_end: false,
  early_stopping_patience: null,
} as const;

/** Whether a run whose loss only grows would stop before its last step, by the rule itself. */
function stopsEarly(totalSteps: number, evalSteps: number, patience: number): boolean {
  const rule: BestRule = { metric: "eval_loss", patience, threshold: 0, load: false };
  let state = notEvaluated;
  for (let step = evalSteps; step < totalSteps; step += evalSteps) {
    state = withEvaluation(state, rule, { step, value: step });
    if (state.patienceCounter >= patience) return true;
  }
  return false;
}

describe("a run with too few evaluations", () => {
  it("names every setting that has no effect when only the last step is evaluated", () => {
    expect(evaluationsNote({ ...settings, eval_steps: 500, load_best_model_at_end: true }, 60)).toBe(
      "training.eval_steps is 500, and the run has 60 steps: only the last step is evaluated, so " +
        "training.metric_for_best_model and load_best_model_at_end have no effect. Set training.eval_steps to 59 or less.",
    );
    expect(evaluationsNote({ ...settings, eval_steps: 60, early_stopping_patience: 2 }, 60)).toMatch(
      /training\.metric_for_best_model and early_stopping_patience have no effect\. Set training\.eval_steps to 19 or less\.$/,
    );
    expect(evaluationsNote({ ...settings, eval_steps: 1 }, 1)).toMatch(
      /has 1 step: .*training\.metric_for_best_model has no effect\. Train for more steps\.$/,
    );
  });

  it("says which patience can be reached, and with which eval_steps", () => {
    expect(evaluationsNote({ ...settings, early_stopping_patience: 5 }, 60)).toBe(
      "training.early_stopping_patience is 5, but the run has 6 evaluations (every 10 of 60 steps): it cannot stop early. " +
        "Lower training.eval_steps to 9 or less, or the patience to 4 or less.",
    );
  });

  it("is named exactly where the rule of early stopping cannot stop it, and the advice works", () => {
    for (let total = 2; total <= 40; total++)
      for (let evalSteps = 1; evalSteps < total; evalSteps++)
        for (let patience = 1; patience <= 6; patience++) {
          const note = evaluationsNote(
            { ...settings, eval_steps: evalSteps, early_stopping_patience: patience },
            total,
          );
          expect(note === null, `${total} steps, every ${evalSteps}, patience ${patience}`).toBe(
            stopsEarly(total, evalSteps, patience),
          );
          const advised = Number(/eval_steps to (\d+)/.exec(note ?? "")?.[1] ?? NaN);
          if (!Number.isNaN(advised)) expect(stopsEarly(total, advised, patience)).toBe(true);
          const patient = Number(/patience to (\d+)/.exec(note ?? "")?.[1] ?? NaN);
          if (!Number.isNaN(patient)) expect(stopsEarly(total, evalSteps, patient)).toBe(true);
        }
  });

  it("says nothing where nothing is compared, or enough is evaluated", () => {
    expect(evaluationsNote({ ...settings, metric_for_best_model: null, eval_steps: 500 }, 60)).toBeNull();
    expect(evaluationsNote({ ...settings, early_stopping_patience: 4 }, 60)).toBeNull();
    expect(evaluationsNote({ ...settings, load_best_model_at_end: true }, 60)).toBeNull();
  });
});
