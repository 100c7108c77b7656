/** What the viewer chose to see of the curves: a logarithmic axis, smoothing. Independent of the browser. */
import { movingAverage } from "../../math/index.js";
import type { ChartData } from "./curves.js";

export interface CurveView {
  /** Logarithmic: values of 0 or less are left out. */
  readonly log: boolean;
  /** Weight of the past: 0 (none) to below 1. */
  readonly smoothing: number;
}

/**
 * The curves as they are drawn: each smoothed, then each as recorded where that differs.
 * @param exact for each curve, whether it has no noise, and is never smoothed
 */
export function shownCurves(
  { steps, values }: ChartData,
  { log, smoothing }: CurveView,
  exact: readonly boolean[],
): ChartData {
  const positive = (curve: readonly (number | null)[]): readonly (number | null)[] =>
    log ? curve.map((value) => (value !== null && value > 0 ? value : null)) : curve;
  const recorded = values.map(positive);
  const isSmoothed = (index: number): boolean => smoothing > 0 && exact[index] !== true;
  const curves = recorded.map((curve, index) => (isSmoothed(index) ? movingAverage(curve, smoothing) : curve));
  const none = steps.map(() => null);
  return { steps, values: [...curves, ...recorded.map((curve, index) => (isSmoothed(index) ? curve : none))] };
}
