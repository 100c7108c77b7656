/** The legend of a chart: samples of lines, and entries that show and hide their curves by mouse and keyboard. */
import type uPlot from "uplot";

export interface LegendSeries {
  /** Shown and hidden together: the first of a group leads. */
  readonly group: string;
  readonly stroke: string;
  readonly dash: readonly number[];
  readonly width: number;
}

/** A piece of the line, as a background: uPlot's own marker is a box without dashes. */
export function lineSample({ stroke, dash, width }: LegendSeries): string {
  let at = 0;
  const stops = dash.flatMap((length, index) => {
    const [from, to] = [at, (at += length)];
    return [`${index % 2 === 0 ? stroke : "transparent"} ${from}px ${to}px`];
  });
  const line =
    stops.length === 0
      ? `linear-gradient(${stroke}, ${stroke})`
      : `repeating-linear-gradient(90deg, ${stops.join(", ")})`;
  return `${line} center / 100% ${Math.max(1.5, width)}px no-repeat`;
}

/**
 * Applies a change of one series to its group.
 * @param hidden groups that are hidden; is updated
 */
export function followLeader(
  plot: uPlot,
  index: number,
  groups: readonly (string | undefined)[],
  hidden: Set<string>,
): void {
  const group = groups[index];
  if (group === undefined) return;
  const leader = groups.indexOf(group);
  const show = plot.series[leader]?.show !== false;
  if (show) hidden.delete(group);
  else hidden.add(group);
  groups.forEach((other, follower) => {
    if (other === group && (plot.series[follower]?.show !== false) !== show) plot.setSeries(follower, { show }, false);
  });
  press(plot);
}

/** Makes entries buttons. The first is the step, which cannot be hidden. */
export function makeButtons(plot: uPlot): void {
  for (const label of labelsOf(plot)) {
    label.tabIndex = 0;
    label.role = "button";
    label.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      label.click();
    });
  }
  press(plot);
}

function press(plot: uPlot): void {
  for (const label of labelsOf(plot))
    label.ariaPressed = String(label.closest(".u-series")?.classList.contains("u-off") !== true);
}

export const labelsOf = (plot: uPlot): readonly HTMLElement[] => [
  ...plot.root.querySelectorAll<HTMLElement>(".u-series:not(:first-child):not(.raw):not(.unlisted) .u-label"),
];
