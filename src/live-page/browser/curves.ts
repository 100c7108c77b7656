/** Converts the page's data to curves. Independent of the browser. */
import type { Shown } from "./store.js";

/** Values of each curve at each step; null if a curve has none. */
export interface ChartData {
  readonly steps: readonly number[];
  readonly values: readonly (readonly (number | null)[])[];
}

/** Training and evaluation loss on one axis: each has steps of its own. */
export function lossCurves({ steps, evaluations }: Shown): ChartData {
  const training = new Map(steps.map(({ step, loss }) => [step, loss]));
  const evaluation = new Map(evaluations.map(({ step, loss }) => [step, loss]));
  const all = [...new Set([...training.keys(), ...evaluation.keys()])].sort((one, other) => one - other);
  const valuesOf = (curve: ReadonlyMap<number, number>): (number | null)[] =>
    all.map((step) => curve.get(step) ?? null);
  return { steps: all, values: [valuesOf(training), valuesOf(evaluation)] };
}

export const stepCurve = ({ steps }: Shown, of: (point: Shown["steps"][number]) => number): ChartData => ({
  steps: steps.map(({ step }) => step),
  values: [steps.map(of)],
});
