/**
 * Whether a run has enough evaluations for the settings that compare them. The number of steps is known only once the
 * data are read. Pure.
 */
import type { TrainingConfig } from "../../config/index.js";

type Compared = Pick<
  TrainingConfig,
  "eval_steps" | "metric_for_best_model" | "load_best_model_at_end" | "early_stopping_patience"
>;

/**
 * @returns what has no effect, and what to set; null if everything has. (It is no error: a trial of a few steps with
 *   `--set training.max_steps=5` should need no other change.)
 */
export function evaluationsNote(training: Compared, totalSteps: number): string | null {
  const { eval_steps: evalSteps, early_stopping_patience: patience } = training;
  if (training.metric_for_best_model === null || evalSteps === null) return null;
  if (evalSteps >= totalSteps) return onlyTheLast(training, evalSteps, totalSteps);
  // The first evaluation has nothing to be compared with, and the last step's comes too late to save a step.
  const compared = Math.ceil(totalSteps / evalSteps) - 2;
  if (patience === null || compared >= patience) return null;
  const enough = Math.floor((totalSteps - 1) / (patience + 1));
  const fixes = [
    ...(enough === 0 ? [] : [`training.eval_steps to ${enough} or less`]),
    ...(compared < 1 ? [] : [`the patience to ${compared} or less`]),
  ];
  return (
    `training.early_stopping_patience is ${patience}, but the run has ${compared + 2} evaluations ` +
    `(every ${evalSteps} of ${totalSteps} steps): it cannot stop early. ` +
    (fixes.length === 0 ? "Train for more steps." : `Lower ${fixes.join(", or ")}.`)
  );
}

function onlyTheLast(
  { load_best_model_at_end: load, early_stopping_patience: patience }: Compared,
  evalSteps: number,
  totalSteps: number,
): string {
  const names = [
    "metric_for_best_model",
    ...(load ? ["load_best_model_at_end"] : []),
    ...(patience === null ? [] : ["early_stopping_patience"]),
  ];
  const last = names.pop() ?? "";
  const keys = names.length === 0 ? `training.${last} has` : `training.${names.join(", ")} and ${last} have`;
  const most = Math.floor((totalSteps - 1) / ((patience ?? 0) + 1));
  return (
    `training.eval_steps is ${evalSteps}, and the run has ${totalSteps} ${totalSteps === 1 ? "step" : "steps"}: only the last step is ` +
    `evaluated, so ${keys} no effect. ` +
    (most === 0 ? "Train for more steps." : `Set training.eval_steps to ${most} or less.`)
  );
}
