/** Decides from the losses whether a run has learnt anything; the warning if it has not. Pure. */

/** Of a step of the run, in order. */
export interface StepFigures {
  readonly loss: number;
  readonly grad_norm: number;
}

/** Nats per token below which a model has memorised its data. */
const leastLoss = 0.01;

/** Minimum number of steps for a verdict, since losses of single batches vary. */
const fewestSteps = 5;

/**
 * The warning; undefined if the loss fell, or may have fallen. The loss of the first step is that of the initial
 * parameters.
 */
export function lossWarning(steps: readonly StepFigures[]): string | undefined {
  const [first] = steps;
  if (first === undefined || steps.length < fewestSteps) return undefined;
  const losses = steps.map(({ loss }) => loss);
  const last = losses.slice(-Math.max(3, Math.floor(steps.length / 4)));
  const mean = meanOf(last);
  const frozen = stepsWithoutGradient(steps);
  const stuck = frozen >= fewestSteps ? ` The gradient was exactly 0 in the last ${frozen} steps.` : "";
  const now = `the loss is ${mean.toFixed(2)} at the end (mean of ${last.length} steps)`;
  // Batches vary in difficulty: no warning within that variation. It does not explain a gradient of 0, however.
  if (mean - 2 * deviationOf(losses) > first.loss)
    return `${now}, above the ${first.loss.toFixed(2)} at the beginning: this run has learnt nothing.${stuck} ${advice}`;
  // With a loss of 0 there is nothing left to learn.
  if (stuck !== "" && mean > leastLoss)
    return `${now}, and nothing changes it any more: the run has learnt nothing since.${stuck} ${advice}`;
  return undefined;
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
}

const advice =
  "Try a lower training.learning_rate (1e-5 to 1e-3 is usual), or a longer warm-up (training.warmup_ratio); " +
  "`coxswain preview` shows what is trained on.";

/** Up to the end. */
const stepsWithoutGradient = (steps: readonly StepFigures[]): number =>
  steps.length - 1 - steps.findLastIndex(({ grad_norm: norm }) => norm !== 0);
