/** Whether a run has learnt anything, by the losses of its steps: what is said at its end where it has not. Pure. */

/** Of a step of the run, in order. */
export interface StepFigures {
  readonly loss: number;
  readonly grad_norm: number;
}

/** Nats a token below which a model knows its data by heart. */
const leastLoss = 0.01;

/** Fewer steps than this say nothing: losses of single batches differ. */
const fewestSteps = 5;

/**
 * What to tell the user; undefined where the loss fell, or might have. The loss of the first step is that of the parameters
 * that the run began with.
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
  // One batch is harder than another: within that, nothing is said. A gradient of 0 does not come from that.
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
