/** Curves over steps, drawn by uPlot in the colours of the page. */
import uPlot from "uplot";
import type { ChartData } from "./curves.js";
import { count, figure } from "./format.js";
import { shownCurves, type CurveView } from "./shown-curves.js";

export interface Curve {
  readonly label: string;
  /** A custom property of the page's style: "--loss". */
  readonly colour: string;
  /** Show points on the line, for few, distant values. */
  readonly dots?: boolean;
  /** Without noise: never smoothed. */
  readonly exact?: boolean;
  readonly dashed?: boolean;
}

export class Chart {
  readonly #host: HTMLElement;
  readonly #curves: readonly Curve[];
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

  show(data: ChartData): void {
    const zoom = this.#zoom();
    this.#data = data;
    // The part that the viewer has dragged out stays; a double click shows everything again.
    this.#plot.setData(this.#aligned(), zoom === undefined);
    if (zoom !== undefined) this.#plot.setScale("x", zoom);
  }

  #redraw(): void {
    const zoom = this.#zoom();
    this.#plot.destroy();
    this.#plot = this.#draw();
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
    return [[...steps], ...values.map((each) => [...each])];
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
    return new uPlot(
      {
        ...this.#size(),
        padding: [8, 12, 0, 0],
        scales: {
          x: { time: false },
          // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot exports the type alone: logarithmic
          y: this.#view.log ? { distr: 3, range: logRange } : {},
        },
        cursor: { y: false, drag: { x: true, y: false } },
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
          ...this.#curves.map(({ label, colour: name, dots = false, dashed = false }, curve) => ({
            label,
            stroke: colour(name),
            width: 2,
            spanGaps: true,
            ...(dashed ? { dash: [6, 4] } : {}),
            points: dots ? { show: true, size: 6, fill: colour(name) } : {},
            value: (_: uPlot, __: number, ___: number, index: number | null) =>
              figure(shownValue(this.#data.values[curve], index)),
          })),
          // As recorded, behind the smoothed curves: not in the legend, which shows recorded values anyway.
          ...this.#curves.map(({ colour: name }) => ({
            stroke: colour(name),
            alpha: 0.3,
            width: 1,
            spanGaps: true,
            points: { show: false },
            class: "raw",
          })),
        ],
      },
      this.#aligned(),
      this.#host,
    );
  }
}

/** A curve's value in the legend: the value under the cursor, or the newest one. */
const shownValue = (values: readonly (number | null)[] = [], index: number | null): number | null | undefined =>
  index === null ? values.findLast((value) => value !== null) : values[index];

const countOf = (step: number | null | undefined): string => (step === null || step === undefined ? "–" : count(step));

/** uPlot would show whole decades: curves within one would be flat. */
const logRange = (_: uPlot, min: number | null, max: number | null): [number, number] =>
  min === null || max === null || min <= 0 ? [0.1, 1] : [min / 1.1, max * 1.1];
