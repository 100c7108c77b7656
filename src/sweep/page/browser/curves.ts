/** How the curves of trials are drawn. Independent of the browser. */
import { alignedCurves, type ChartData, type Curve } from "../../../live-page/browser/curves.js";
import type { ShownCurve } from "../messages.js";

/** Colours that the style has. */
const colours = 6;
/** With them, 24 curves that differ in greyscale, too. */
const dashes: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

/** The best is solid and thick. */
export function trialCurves(curves: readonly ShownCurve[], best: number | null): readonly Curve[] {
  return curves.map(({ trial }) => {
    if (trial === best) return { label: `★ trial ${trial}`, group: String(trial), colour: "--text", width: 3.5 };
    // A trial keeps its look while others come and go.
    const dash = dashes[Math.floor(trial / colours + (trial % colours)) % dashes.length] ?? [];
    return {
      label: `trial ${trial}`,
      group: String(trial),
      colour: `--curve-${(trial % colours) + 1}`,
      width: 1.75,
      dash,
    };
  });
}

export const trialData = (curves: readonly ShownCurve[]): ChartData =>
  alignedCurves(curves.map(({ points }) => points));
