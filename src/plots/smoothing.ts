/** Smooths curves as TensorBoard does. Pure. */
import type { Curve, CurvePoint } from "../history/index.js";

/**
 * The exponential moving average `a = w * a + (1 - w) * x` from 0, divided by `1 - w^n` after n values, which corrects
 * the bias towards 0 at the beginning. Values that are not finite stay as they are, and are not averaged. A curve of
 * equal values stays exactly what it is.
 * @param weight of the past, from 0 (no smoothing) to below 1
 */
export function smoothed(curve: Curve, weight: number): Curve {
  const first = curve[0]?.value;
  if (weight === 0 || curve.every(({ value }) => value === first)) return curve;
  let average = 0;
  let count = 0;
  return curve.map(({ step, value }): CurvePoint => {
    if (value === null) return { step, value };
    average = weight * average + (1 - weight) * value;
    count++;
    return { step, value: average / (1 - weight ** count) };
  });
}
