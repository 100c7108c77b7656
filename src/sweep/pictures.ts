/**
 * The pictures of a sweep as specifications of Vega-Lite: parallel coordinates (a line per trial through its settings
 * and its result), and the curves of the metric. Trials differ by lightness and width, not by colour alone. Pure.
 */
import type { TopLevelSpec } from "vega-lite";
import type { SweepStatus, TrialStatus } from "./status.js";

/** From dark (best) to light (worst): readable in greyscale. */
const scheme = { range: ["#08306b", "#2f7ab8", "#7fb2d8"] };
const font = "DejaVu Sans, Helvetica, Arial, sans-serif";

interface Axis {
  readonly key: string;
  readonly title: string;
  /** Position of a value, 0 (bottom) to 1. */
  readonly place: (value: unknown) => number | undefined;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
}

/** Of a label, and the room between it and the axes beside it, pixels. */
const characterWidth = 7;
const labelGap = 14;

/** Labels do not reach the next axis. */
const shortLabel = (label: string, longest: number): string =>
  label.length > longest ? `${label.slice(0, longest - 1)}…` : label;

/** @param width of the picture, pixels */
export function parallelCoordinates(status: SweepStatus, width: number): TopLevelSpec {
  const measured = status.trials.filter(({ value }) => value !== null);
  const names = Object.keys(status.trials[0]?.settings ?? {});
  const axes = [
    ...names.map((key) =>
      axisOf(
        key,
        shortKey(key, names),
        status.trials.map(({ settings }) => settings[key]),
      ),
    ),
    axisOf(
      "result",
      status.metric,
      measured.map(({ value }) => value),
    ),
  ];
  const ranks = rankOf(measured, status);
  // The better ones over the others.
  const inOrder = [...measured].sort((one, other) => (ranks.get(other.trial) ?? 1) - (ranks.get(one.trial) ?? 1));
  const lines = inOrder.flatMap((trial) =>
    axes.flatMap(({ key, title, place }) => {
      const at = place(key === "result" ? trial.value : trial.settings[key]);
      if (at === undefined) return [];
      const rank = ranks.get(trial.trial) ?? 1;
      return [{ trial: trial.trial, axis: title, at, rank, thickness: trial.trial === status.best ? 1 : 0 }];
    }),
  );
  const longest = Math.max(4, Math.floor(((width - 40) / axes.length - labelGap) / characterWidth));
  const ticks = axes.flatMap(({ title, ticks: marks }) =>
    marks.map(({ at, label }) => ({ axis: title, at, label: shortLabel(label, longest) })),
  );
  const x = {
    field: "axis",
    type: "nominal" as const,
    title: null,
    sort: axes.map(({ title }) => title),
    scale: { type: "point" as const, padding: 0.5 },
    axis: {
      domain: false,
      ticks: false,
      labelAngle: axes.length * 90 > width ? -30 : 0,
      labelFontSize: 11,
      grid: true,
    },
  };
  const y = { field: "at", type: "quantitative" as const, scale: { domain: [-0.05, 1.05] }, axis: null };
  const lost = status.trials.length - measured.length;
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 10,
    width: width - 40,
    height: 320,
    title: {
      text: "Settings and result of every trial",
      subtitle: `dark: better; thick: the best${lost > 0 ? `; ${lost} without a result are not drawn` : ""}`,
    },
    layer: [
      {
        data: { values: lines },
        mark: { type: "line", opacity: 0.85, interpolate: "linear" },
        encoding: {
          x,
          y,
          detail: { field: "trial", type: "nominal" },
          color: { field: "rank", type: "quantitative", scale: { domain: [0, 0.5, 1], ...scheme }, legend: null },
          strokeWidth: {
            field: "thickness",
            type: "quantitative",
            scale: { domain: [0, 1], range: [1.5, 4] },
            legend: null,
          },
        },
      },
      {
        data: { values: ticks },
        mark: { type: "tick", orient: "horizontal", color: "#444444", thickness: 1, size: 8 },
        encoding: { x, y },
      },
      // Lines pass below labels: white around them, then the text.
      ...[{ stroke: "white", strokeWidth: 4 }, {}].map((halo) => ({
        data: { values: ticks },
        mark: { type: "text" as const, align: "left" as const, dx: 7, fontSize: 11, color: "#222222", ...halo },
        encoding: { x, y, text: { field: "label", type: "nominal" as const } },
      })),
    ],
    config: { font, title: { anchor: "start" }, view: { stroke: null }, axis: { gridColor: "#999999" } },
  };
}

/** 0: the best, 1: the worst. */
function rankOf(trials: readonly TrialStatus[], { metric }: SweepStatus): ReadonlyMap<number, number> {
  const sign = metric === "eval_loss" ? 1 : -1;
  const sorted = [...trials].sort((one, other) => sign * ((one.value ?? 0) - (other.value ?? 0)));
  return new Map(sorted.map(({ trial }, index) => [trial, index / Math.max(1, sorted.length - 1)]));
}

/** Numbers have a scale, logarithmic if they span a factor of 10 or more; other values have places of their own. */
function axisOf(key: string, title: string, values: readonly unknown[]): Axis {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length < values.length || numbers.length === 0) return choiceAxis(key, title, values);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const isLog = low > 0 && high / low >= 10;
  const shown = (value: number): number => (isLog ? Math.log(value) : value);
  const place = (value: unknown): number | undefined => {
    if (typeof value !== "number") return undefined;
    return high === low ? 0.5 : (shown(value) - shown(low)) / (shown(high) - shown(low));
  };
  const distinct = [...new Set(numbers)];
  const middle = isLog ? Math.sqrt(low * high) : (low + high) / 2;
  const marks = distinct.length <= 6 ? distinct : [low, middle, high];
  return {
    key,
    title,
    place,
    ticks: marks.map((value) => ({ at: place(value) ?? 0, label: shortNumber(value) })),
  };
}

function choiceAxis(key: string, title: string, values: readonly unknown[]): Axis {
  const texts = [...new Set(values.map((value) => JSON.stringify(value)))];
  const at = (text: string | undefined): number =>
    texts.length < 2 ? 0.5 : texts.indexOf(text ?? "") / (texts.length - 1);
  return {
    key,
    title,
    place: (value) => at(JSON.stringify(value)),
    ticks: texts.map((text) => ({ at: at(text), label: text.replace(/^"|"$/g, "") })),
  };
}

/** Three significant digits. */
export function shortNumber(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  const rounded = Number(value.toPrecision(3));
  const isPlain = rounded === 0 || (Math.abs(rounded) >= 1e-3 && Math.abs(rounded) < 1e5);
  return isPlain ? String(rounded) : rounded.toExponential();
}

/** The last part of a key, unless two keys end with it. */
export function shortKey(key: string, all: readonly string[]): string {
  const last = key.split(".").at(-1) ?? key;
  return all.filter((other) => other.split(".").at(-1) === last).length > 1 ? key : last;
}
