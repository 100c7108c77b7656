/** Curves over steps, drawn by uPlot in the colours of the page. */
import uPlot from "uplot";
import type { ChartData } from "./curves.js";
import { count, figure } from "./format.js";

export interface Curve {
  readonly label: string;
  /** A custom property of the page's style: "--loss". */
  readonly colour: string;
  /** Show points on the line, for few, distant values. */
  readonly dots?: boolean;
}

export class Chart {
  readonly #host: HTMLElement;
  readonly #curves: readonly Curve[];
  #plot: uPlot;
  #data: ChartData = { steps: [], values: [] };

  /** @param host an empty element that gives the width */
  constructor(host: HTMLElement, curves: readonly Curve[]) {
    this.#host = host;
    this.#curves = curves;
    this.#plot = this.#draw();
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(host);
    // Colours are drawn into the canvas: a changed colour scheme needs a redraw.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#plot.destroy();
      this.#plot = this.#draw();
    });
  }

  show(data: ChartData): void {
    this.#data = data;
    this.#plot.setData(aligned(data));
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
        scales: { x: { time: false } },
        cursor: { y: false, drag: { x: true, y: false } },
        axes: [
          {
            ...axis,
            size: 30,
            values: (_, splits) => splits.map((step) => (Number.isInteger(step) ? count(step) : "")),
          },
          { ...axis, size: 64, values: (_, splits) => splits.map(figure) },
        ],
        series: [
          { label: "step", value: (_, __, ___, index) => countOf(shownValue(this.#data.steps, index)) },
          ...this.#curves.map(({ label, colour: name, dots = false }, curve) => ({
            label,
            stroke: colour(name),
            width: 2,
            spanGaps: true,
            points: dots ? { show: true, size: 6, fill: colour(name) } : {},
            value: (_: uPlot, __: number, ___: number, index: number | null) =>
              figure(shownValue(this.#data.values[curve], index)),
          })),
        ],
      },
      aligned(this.#data),
      this.#host,
    );
  }
}

/** A curve's value in the legend: the value under the cursor, or the newest one. */
const shownValue = (values: readonly (number | null)[] = [], index: number | null): number | null | undefined =>
  index === null ? values.findLast((value) => value !== null) : values[index];

const countOf = (step: number | null | undefined): string => (step === null || step === undefined ? "–" : count(step));

const aligned = ({ steps, values }: ChartData): uPlot.AlignedData => [[...steps], ...values.map((each) => [...each])];
