/** The controls of the curves: a logarithmic axis, smoothing. */
import type { Chart } from "./charts.js";
import { input, setText } from "./dom.js";

export function controlCurves(charts: readonly Chart[]): void {
  const log = input("log-scale");
  const smoothing = input("smoothing");
  const look = (): void => {
    const view = { log: log.checked, smoothing: smoothing.valueAsNumber };
    setText("smoothing-value", view.smoothing === 0 ? "none" : view.smoothing.toFixed(2));
    for (const chart of charts) chart.look(view);
  };
  log.addEventListener("change", look);
  smoothing.addEventListener("input", look);
  // A browser may restore them when the page is loaded again.
  look();
}
