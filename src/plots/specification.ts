/**
 * The curves of runs as a specification of Vega-Lite: one panel per figure, one curve per run. Runs differ by colour,
 * dashes and markers, so that they can be told apart in greyscale. Pure.
 */
import type { TopLevelSpec } from "vega-lite";
import type { Curve, CurveName } from "../history/index.js";
import { smoothed } from "./smoothing.js";
import { thinned } from "./thin.js";

export interface PlottedRun {
  /** Different from those of other runs. */
  readonly name: string;
  readonly curves: Readonly<Record<CurveName, Curve>>;
}

export interface PlotOptions {
  /** Of the picture, pixels. */
  readonly width: number;
  /** Logarithmic y axes: values of 0 or less are left out. */
  readonly log: boolean;
  /** Weight of the past: 0 (none) to below 1. */
  readonly smoothing: number;
}

/** Titles have at most 30 characters: vega has no fonts here and assumes wide letters. */
interface Panel {
  readonly name: CurveName;
  readonly title: string;
  /** Of d3-format. */
  readonly format: string;
}

const panels: readonly Panel[] = [
  { name: "loss", title: "Training loss (nats/token)", format: "~g" },
  { name: "eval_loss", title: "Evaluation loss (nats/token)", format: "~g" },
  { name: "eval_exact_match", title: "Exact match", format: ".0%" },
  { name: "learning_rate", title: "Learning rate", format: ".2~e" },
  { name: "grad_norm", title: "Gradient norm before clipping", format: "~g" },
  { name: "tokens_per_second", title: "Throughput (tokens/s)", format: "~s" },
];

/** Dark enough on white, and of different lightness; distinguishable with the common colour-vision deficiencies. */
const colours = ["#0b4f9c", "#d95f02", "#1b9e77", "#a6217a", "#8c6d1f", "#444444", "#3fa0d8", "#c43c39"];
const dashes = [
  [1, 0],
  [7, 3],
  [2, 2],
  [10, 3, 2, 3],
  [4, 2, 1, 2, 1, 2],
  [12, 4],
];
const shapes = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"];

/** From this width on there are two columns. */
const twoColumns = 640;
const gap = 24;
/** Axis labels and title beside a panel, and the padding of the picture. */
const beside = 84;
const panelHeight = 190;
const markersPerCurve = 8;
/** Of a legend's character, as vega assumes without fonts, and of its symbol with spacing: pixels at 12 px. */
const characterWidth = 9.6;
const symbolWidth = 56;

interface Row {
  readonly step: number;
  readonly value: number | null;
  readonly run: string;
  readonly marked: boolean;
}

/** Figures of which no run has a value have no panel. */
export function plotSpecification(runs: readonly PlottedRun[], options: PlotOptions): TopLevelSpec {
  const { width } = options;
  const names = fittingNames(
    runs.map(({ name }) => name),
    Math.floor((width - beside - symbolWidth) / characterWidth),
  );
  const shown = panels.filter(({ name }) =>
    runs.some(({ curves }) => curves[name].some(({ value }) => isShown(value, options.log))),
  );
  const steps = stepsOf(runs);
  const columns = width >= twoColumns ? 2 : 1;
  const panelWidth = Math.floor((width - columns * beside - (columns - 1) * gap) / columns);
  const specification = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 10,
    autosize: { type: "pad" },
    ...(names.length === 1 ? { title: { text: [...names], fontSize: 14, offset: 12, frame: "bounds" as const } } : {}),
    columns,
    spacing: gap,
    concat: shown.map((panel) => panelOf(panel, { runs, names, options, panelWidth, steps })),
    resolve: { scale: { color: "shared", strokeDash: "shared", shape: "shared", y: "independent", x: "independent" } },
    config: {
      font: "DejaVu Sans, Helvetica, Arial, sans-serif",
      view: { stroke: "#999999" },
      axis: {
        labelFontSize: 11,
        titleFontSize: 12,
        gridColor: "#dddddd",
        labelColor: "#222222",
        titleFontWeight: "normal",
      },
      // Aligned with the panel, however long its labels are.
      title: { fontSize: 12, anchor: "start", frame: "group", fontWeight: "bold", offset: 10 },
      legend: {
        orient: "top",
        title: null,
        columns: Math.max(
          1,
          Math.floor((width - beside) / (symbolWidth + characterWidth * Math.max(...names.map(lengthOf)))),
        ),
        labelFontSize: 11,
        labelLimit: 0,
        symbolSize: 110,
        // An outline would be dashed like the curve.
        symbolStrokeWidth: 0,
      },
    },
  } satisfies TopLevelSpec;
  return specification;
}

/** All panels have the same x axis. A single step is in the middle of it. */
function stepsOf(runs: readonly PlottedRun[]): [number, number] {
  const bounds = runs.flatMap(({ curves }) =>
    Object.values(curves).flatMap((curve) => [...curve.slice(0, 1), ...curve.slice(-1)]),
  );
  const steps = bounds.map(({ step }) => step);
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  return first < last ? [first, last] : [first - 1, first + 1];
}

interface Drawing {
  readonly runs: readonly PlottedRun[];
  readonly names: readonly string[];
  readonly options: PlotOptions;
  readonly panelWidth: number;
  /** First and last. */
  readonly steps: [number, number];
}

function panelOf({ name, title, format }: Panel, { runs, names, options, panelWidth, steps }: Drawing) {
  const { log, smoothing } = options;
  // The schedule and the few evaluations are exact: there is no noise to smooth.
  const isNoisy = name !== "learning_rate" && !name.startsWith("eval_");
  const weight = isNoisy ? smoothing : 0;
  const rowsOf = (change: (curve: Curve) => Curve): readonly Row[] =>
    runs.flatMap(({ curves }, index) => {
      const curve = thinned(withoutHidden(change(curves[name]), log), 2 * panelWidth);
      return rows(curve, names[index] ?? "", index, name.startsWith("eval_"));
    });
  const by = names.length > 1;
  const scaleOf = (range: readonly unknown[]) => ({
    domain: [...names],
    range: names.map((_, index) => range[index % range.length]),
  });
  const legend = by ? { symbolOpacity: 1 } : null;
  const field = { field: "run", type: "nominal" as const, title: null };
  const colour = { ...field, scale: scaleOf(colours) as { domain: string[]; range: string[] }, legend };
  const dash = { ...field, scale: scaleOf(dashes) as { domain: string[]; range: number[][] }, legend };
  const shape = { ...field, scale: scaleOf(shapes) as { domain: string[]; range: string[] }, legend };
  const x = {
    field: "step",
    type: "quantitative" as const,
    title: "step",
    scale: { domain: steps, nice: false, zero: false },
    axis: { tickMinStep: 1, format: "~s", tickCount: Math.max(3, Math.floor(panelWidth / 80)), labelFlush: true },
  };
  const y = {
    field: "value",
    type: "quantitative" as const,
    title: null,
    scale: log
      ? { type: "log" as const, nice: false, padding: 4 }
      : name === "tokens_per_second"
        ? { zero: true }
        : { zero: false, padding: 4 },
    axis: {
      ...(log ? { format } : { labelExpr: `datum.value === 0 ? "0" : format(datum.value, "${format}")` }),
      tickCount: 5,

      minExtent: 44,
    },
  };
  const line = (values: readonly Row[], opacity: number, strokeWidth: number) => ({
    data: { values: [...values] },
    mark: { type: "line" as const, opacity, strokeWidth, clip: true },
    encoding: { x, y, color: colour, ...(opacity < 1 ? { detail: field } : { strokeDash: dash }) },
  });
  const curves = rowsOf((curve) => smoothed(curve, weight));
  return {
    title: {
      text: title,
      ...(smoothing > 0 ? { subtitle: weight > 0 ? `smoothed ${weight}; faint: raw` : "as recorded" } : {}),
    },
    width: panelWidth,
    height: panelHeight,
    layer: [
      ...(weight > 0
        ? [
            line(
              rowsOf((curve) => curve),
              0.25,
              1,
            ),
          ]
        : []),
      line(curves, 1, 1.8),
      {
        data: { values: curves.filter(({ marked, value }) => marked && value !== null) },
        mark: { type: "point" as const, filled: true, size: 42, opacity: 1 },
        encoding: { x, y, color: colour, shape },
      },
    ],
  };
}

/** Markers are shifted from run to run, so that curves that coincide are both seen. */
function rows(curve: Curve, run: string, index: number, all: boolean): readonly Row[] {
  const every = all && curve.length <= 40 ? 1 : Math.max(1, Math.ceil(curve.length / markersPerCurve));
  const shift = every === 1 ? 0 : Math.floor((index * every) / 3) % every;
  const isOnly = curve.length === 1;
  return curve.map(({ step, value }, at) => ({ step, value, run, marked: isOnly || at % every === shift }));
}

const isShown = (value: number | null, log: boolean): boolean => value !== null && (!log || value > 0);

const withoutHidden = (curve: Curve, log: boolean): Curve =>
  curve.map((point) => (isShown(point.value, log) ? point : { ...point, value: null }));

/** In characters, not code units. */
const lengthOf = (text: string): number => Array.from(text).length;

/** Shortens long names in the middle. Where two would become the same, they keep their full length. */
export function fittingNames(names: readonly string[], limit: number): readonly string[] {
  const short = names.map((name) => shortened(name, limit));
  return short.map((name, index) => (short.indexOf(name) === short.lastIndexOf(name) ? name : (names[index] ?? name)));
}

function shortened(name: string, limit: number): string {
  const characters = Array.from(name);
  if (characters.length <= limit) return name;
  const head = Math.floor((limit - 1) / 3);
  return `${characters.slice(0, head).join("")}…${characters.slice(characters.length - (limit - 1 - head)).join("")}`;
}
