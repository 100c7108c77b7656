/** Other runs as curves to compare with, in bounded memory. Pure. */
import type { Curve, RunBeside } from "../history/index.js";
import { visibleLine } from "../visible-text.js";
import type { EarlierRun } from "./messages.js";
import { Series, type SeriesPoint } from "./series.js";

/** Maximum number of points of such a curve. */
const pointsShown = 300;
/** Characters of a folder's name. */
const longestName = 60;

/** @param totalSteps of the run that it is compared with: later steps would squeeze its curves */
export function earlierRun({ name, training, evaluation }: RunBeside, totalSteps: number): EarlierRun {
  const shown = (curve: Curve) =>
    thinned(
      curve.filter(({ step }) => step <= totalSteps),
      pointsShown,
    );
  return { name: visibleLine(name, longestName), training: shown(training), evaluation: shown(evaluation) };
}

export interface ValuePoint extends SeriesPoint {
  /** null: not finite. */
  readonly value: number | null;
}

/** A series of means. */
export const valueSeries = (limit: number): Series<ValuePoint> =>
  new Series<ValuePoint>(limit, (one, next) => {
    const steps = one.steps + next.steps;
    const value =
      one.value === null || next.value === null ? null : (one.value * one.steps + next.value * next.steps) / steps;
    return { step: next.step, steps, value };
  });

function thinned(curve: Curve, limit: number): readonly (readonly [number, number | null])[] {
  const series = valueSeries(limit);
  series.reset(curve.map(({ step, value }) => ({ step, steps: 1, value })));
  return series.points.map(({ step, value }) => [step, value]);
}
