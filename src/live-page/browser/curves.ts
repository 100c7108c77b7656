/** Converts the page's data to curves. Independent of the browser. */
import type { EarlierRun } from "../messages.js";
import type { Shown } from "./store.js";

/** How a curve is drawn. */
export interface Curve {
  readonly label: string;
  /** A custom property of the page's style: "--loss". */
  readonly colour: string;
  /** Show points on the line, for few, distant values. */
  readonly dots?: boolean;
  /** Without noise: never smoothed. */
  readonly exact?: boolean;
  /** Lengths of dashes and gaps, px. Default: none. */
  readonly dash?: readonly number[];
  /** px. Default: 2. */
  readonly width?: number;
  /** For comparison: to be given before the others, and listed after them. */
  readonly behind?: boolean;
  /** Curves of a group are shown and hidden together. Default: the label. */
  readonly group?: string;
  /** Not in the legend: another of its group is. */
  readonly unlisted?: boolean;
}

/** Values of each curve at each step; null if a curve has none. */
export interface ChartData {
  readonly steps: readonly number[];
  readonly values: readonly (readonly (number | null)[])[];
}

/**
 * Loss on one axis: of earlier runs, training and evaluation in turn, then the same of this one. Each curve has steps of
 * its own.
 */
export function lossCurves({ steps, evaluations, earlier = [] }: Shown): ChartData {
  const points = (curve: readonly { readonly step: number; readonly loss: number }[]) =>
    curve.map(({ step, loss }) => [step, loss] as const);
  return alignedCurves([
    ...earlier.flatMap(({ training, evaluation }) => [training, evaluation]),
    points(steps),
    points(evaluations),
  ]);
}

/** Thin and grey: the newest run is the darkest. */
export const earlierCurves = (earlier: readonly EarlierRun[]): readonly Curve[] =>
  earlier.flatMap(({ name }, index): readonly Curve[] => {
    const thin = { colour: `--earlier-${Math.min(index + 1, earlierGreys)}`, width: 1, behind: true, group: name };
    return [
      { ...thin, label: name },
      { ...thin, label: `${name}, evaluation`, dash: [4, 3], exact: true, unlisted: true },
    ];
  });

/** Number of greys that the style has. */
const earlierGreys = 4;

/** Curves of [step, value] over the steps of all of them. */
export function alignedCurves(curves: readonly (readonly (readonly [number, number | null])[])[]): ChartData {
  const steps = [...new Set(curves.flatMap((curve) => curve.map(([step]) => step)))].sort((one, other) => one - other);
  const values = curves.map((curve) => {
    const valueAt = new Map(curve);
    return steps.map((step) => valueAt.get(step) ?? null);
  });
  return { steps, values };
}

export const stepCurve = ({ steps }: Shown, of: (point: Shown["steps"][number]) => number): ChartData => ({
  steps: steps.map(({ step }) => step),
  values: [steps.map(of)],
});
