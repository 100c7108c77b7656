/** Reduces a long curve to what a picture can show, keeping its peaks. Pure. */
import type { Curve, CurvePoint } from "../history/index.js";

/**
 * Cuts the curve into equal pieces and keeps the lowest and the highest value of each, and what is not finite.
 * @param limit maximum number of points, at least 6
 */
export function thinned(curve: Curve, limit: number): Curve {
  if (curve.length <= limit) return curve;
  const size = Math.ceil((curve.length - 2) / Math.floor((limit - 2) / 3));
  const kept: CurvePoint[] = curve.slice(0, 1);
  for (let start = 1; start < curve.length - 1; start += size)
    kept.push(...extremesOf(curve.slice(start, Math.min(start + size, curve.length - 1))));
  kept.push(...curve.slice(-1));
  return kept;
}

/** In the order of their steps. */
function extremesOf(piece: Curve): readonly CurvePoint[] {
  let low: CurvePoint | undefined;
  let high: CurvePoint | undefined;
  let gap: CurvePoint | undefined;
  for (const point of piece) {
    if (point.value === null) gap ??= point;
    else {
      if (low?.value == null || point.value < low.value) low = point;
      if (high?.value == null || point.value > high.value) high = point;
    }
  }
  return [...new Set([low, high, gap])]
    .filter((point) => point !== undefined)
    .sort((one, other) => one.step - other.step);
}
