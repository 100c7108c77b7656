/** Curves over steps, drawn by uPlot in the colours of the page. */
import uPlot from "uplot";
import type { ChartData, Curve } from "./curves.js";
import { count, figure } from "./format.js";
import { followLeader, labelsOf, lineSample, makeButtons, type LegendSeries } from "./legend.js";
import { shownCurves, type CurveView } from "./shown-curves.js";

export class Chart {
  readonly #host: HTMLElement;
  /** Groups that the viewer has hidden. */
  readonly #hidden = new Set<string>();
  #curves: readonly Curve[];
  #plot: uPlot;
  #data: ChartData = { steps: [], values: [] };
  #view: CurveView = { log: false, smoothing: 0 };

  /** @param host an empty element that gives the width */
  constructor(host: HTMLElement, curves: readonly Curve[]) {
    this.#host = host;
    this.#curves = curves;
    this.#plot = this.#draw();
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(host);
    // Colours are drawn into the canvas: a changed colour scheme needs a redraw.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#redraw();
    });
  }

  /** Another axis needs another plot. */
  look(view: CurveView): void {
    const isOtherAxis = view.log !== this.#view.log;
    this.#view = view;
    if (isOtherAxis) this.#redraw();
    else this.show(this.#data);
  }

  /** @param curves of the data, if they are others than before */
  show(data: ChartData, curves: readonly Curve[] = this.#curves): void {
    const zoom = this.#zoom();
    this.#data = data;
    if (JSON.stringify(curves) !== JSON.stringify(this.#curves)) {
      this.#curves = curves;
      this.#redraw();
      return;
    }
    // The part that the viewer has dragged out stays; a double click shows everything again.
    this.#plot.setData(this.#aligned(), zoom === undefined);
    if (zoom !== undefined) this.#plot.setScale("x", zoom);
  }

  #redraw(): void {
    const zoom = this.#zoom();
    const focused = labelsOf(this.#plot).find((label) => label === document.activeElement)?.textContent;
    this.#plot.destroy();
    this.#plot = this.#draw();
    labelsOf(this.#plot)
      .find(({ textContent }) => textContent === focused)
      ?.focus();
    if (zoom !== undefined) this.#plot.setScale("x", zoom);
  }

  /** Undefined if all steps are shown. */
  #zoom(): { min: number; max: number } | undefined {
    const { min, max } = this.#plot.scales["x"] ?? {};
    const { steps } = this.#data;
    const [first, last] = [steps[0], steps.at(-1)];
    if (min == null || max == null || first === undefined || last === undefined) return undefined;
    return min > first || max < last ? { min, max } : undefined;
  }

  #aligned(): uPlot.AlignedData {
    const { steps, values } = shownCurves(
      this.#data,
      this.#view,
      this.#curves.map(({ exact = false }) => exact),
    );
    const isBehind = (index: number): boolean => this.#curves[index - this.#curves.length]?.behind === true;
    return [[...steps], ...values.map((each, index) => (isBehind(index) ? each.map(() => null) : [...each]))];
  }

  #size(): { width: number; height: number } {
    const width = this.#host.clientWidth;
    return { width, height: Math.min(220, Math.max(160, width * 0.45)) };
  }

  #draw(): uPlot {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--quiet"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
      font: `12px ${colour("--font")}`,
    };
    const drawn = this.#curves.map(({ label, colour: name, group = label, dash = [], width = 2 }): LegendSeries => ({
      group,
      stroke: colour(name),
      dash,
      width,
    }));
    // As recorded, behind the smoothed curves: not in the legend, which shows recorded values anyway.
    const groups = [undefined, ...drawn, ...drawn].map((series) => series?.group);
    const isShown = (group: string): boolean => !this.#hidden.has(group);
    const plot = new uPlot(
      {
        ...this.#size(),
        padding: [8, 12, 0, 0],
        scales: {
          x: { time: false },
          // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot exports the type alone: logarithmic
          y: this.#view.log ? { distr: 3, range: logRange } : {},
        },
        cursor: { y: false, drag: { x: true, y: false } },
        legend: {
          markers: {
            width: 0,
            fill: (_, index) => {
              const series = drawn[index - 1];
              return series === undefined ? "none" : lineSample(series);
            },
          },
        },
        hooks: {
          setSeries: [
            (changed, index, options: { readonly show?: boolean }) => {
              if (index !== null && options.show !== undefined) followLeader(changed, index, groups, this.#hidden);
            },
          ],
        },
        axes: [
          {
            ...axis,
            size: 30,
            values: (_, splits) => splits.map((step) => (Number.isInteger(step) ? count(step) : "")),
          },
          {
            ...axis,
            size: 64,
            values: (_, splits) => splits.map((value: number | null) => (value === null ? "" : figure(value))),
          },
        ],
        series: [
          { label: "step", value: (_, __, ___, index) => countOf(shownValue(this.#data.steps, index)) },
          ...this.#curves.map(({ label, colour: name, dots = false, dash = [], width = 2, ...curve }, index) => ({
            label,
            stroke: colour(name),
            width,
            dash: [...dash],
            spanGaps: true,
            show: isShown(curve.group ?? label),
            ...(curve.unlisted === true ? { class: "unlisted" } : curve.behind === true ? { class: "behind" } : {}),
            points: dots ? { show: true, size: 6, fill: colour(name) } : curve.behind === true ? { show: false } : {},
            value: (_: uPlot, __: number, ___: number, at: number | null) =>
              figure(shownValue(this.#data.values[index], at)),
          })),
          ...drawn.map(({ stroke, group }) => ({
            stroke,
            alpha: 0.3,
            width: 1,
            spanGaps: true,
            show: isShown(group),
            points: { show: false },
            class: "raw",
          })),
        ],
      },
      this.#aligned(),
      this.#host,
    );
    makeButtons(plot);
    return plot;
  }
}

/** A curve's value in the legend: the value under the cursor, or the newest one. */
const shownValue = (values: readonly (number | null)[] = [], index: number | null): number | null | undefined =>
  index === null ? values.findLast((value) => value !== null) : values[index];

const countOf = (step: number | null | undefined): string => (step === null || step === undefined ? "–" : count(step));

/** uPlot would show whole decades: curves within one would be flat. */
const logRange = (_: uPlot, min: number | null, max: number | null): [number, number] =>
  min === null || max === null || min <= 0 ? [0.1, 1] : [min / 1.1, max * 1.1];
