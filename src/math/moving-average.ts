/** The exponential moving average with which TensorBoard smooths curves. Pure. */

/**
 * `a = w * a + (1 - w) * x` from 0, divided by `1 - w^n` after n values, which corrects the bias towards 0 at the
 * beginning. Values that are null (none, or not finite) stay so, and are not averaged. Equal values stay exactly what
 * they are.
 * @param weight of the past, from 0 (no smoothing) to below 1
 */
export function movingAverage(values: readonly (number | null)[], weight: number): readonly (number | null)[] {
  if (weight === 0 || values.every((value) => value === values[0])) return values;
  let average = 0;
  let count = 0;
  return values.map((value) => {
    if (value === null) return null;
    average = weight * average + (1 - weight) * value;
    count++;
    return average / (1 - weight ** count);
  });
}
