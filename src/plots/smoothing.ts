/** Smooths curves as TensorBoard does. Pure. */
import type { Curve } from "../history/index.js";
import { movingAverage } from "../math/index.js";

/** @param weight of the past, from 0 (no smoothing) to below 1 */
export function smoothed(curve: Curve, weight: number): Curve {
  const values = movingAverage(
    curve.map(({ value }) => value),
    weight,
  );
  return curve.map(({ step }, index) => ({ step, value: values[index] ?? null }));
}
