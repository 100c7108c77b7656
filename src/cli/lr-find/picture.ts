/** The curve of a range test as a specification of Vega-Lite, which `plots/` draws. Pure. */
import type { TopLevelSpec } from "vega-lite";
import type { FoundLearningRate } from "../../library/index.js";
import { shortRate, type Ramp } from "../../tune/index.js";

const width = 640;
const height = 360;
const colours = { loss: "#0b4f9c", suggestion: "#d95f02", steepest: "#444444" };

export function rangeTestSpecification({ points, suggestion }: FoundLearningRate, { from, to }: Ramp): TopLevelSpec {
  const { learningRate, steepest } = suggestion;
  const first = points[0]?.smoothedLoss ?? 1;
  // A diverged loss would flatten the rest.
  const top = Math.min(Math.max(...points.map(({ smoothedLoss }) => smoothedLoss), 1e-6), 1.25 * first);
  const x = {
    field: "learning_rate",
    type: "quantitative" as const,
    title: "learning rate",
    scale: { type: "log" as const, domain: [from, to], nice: false },
    axis: { format: ".0e", tickCount: Math.max(2, Math.round(Math.log10(to / from))) },
  };
  const y = {
    field: "loss",
    type: "quantitative" as const,
    title: "loss (nats/token)",
    scale: { zero: false, domainMax: top },
  };
  const rows = (of: (point: (typeof points)[number]) => number): { learning_rate: number; loss: number }[] =>
    points.map((point) => ({ learning_rate: point.learningRate, loss: of(point) }));
  const rule = (rate: number | undefined, colour: string, strokeWidth: number, dash: number[]) =>
    rate === undefined || rate < from || rate > to
      ? []
      : [
          {
            data: { values: [{ learning_rate: rate }] },
            mark: { type: "rule" as const, color: colour, strokeWidth, strokeDash: dash },
            encoding: { x },
          },
        ];
  const subtitle = [
    ...(learningRate === undefined ? ["no suggestion"] : [`suggestion ${shortRate(learningRate)} (thick line)`]),
    ...(steepest === undefined ? [] : [`steepest fall ${shortRate(steepest)} (dashed)`]),
  ].join(", ");
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 10,
    width,
    height,
    title: { text: "Learning-rate range test", subtitle: [subtitle, "dots: every step, curve: smoothed"] },
    layer: [
      {
        // What is far outside makes converters such as resvg crash, although it is clipped.
        data: { values: rows(({ loss }) => loss).filter(({ loss }) => loss <= top) },
        mark: { type: "point", color: colours.loss, opacity: 0.6, size: 18, filled: true, clip: true },
        encoding: { x, y },
      },
      {
        data: { values: rows(({ smoothedLoss }) => Math.min(smoothedLoss, 10 * top)) },
        mark: { type: "line", color: colours.loss, strokeWidth: 2, clip: true },
        encoding: { x, y },
      },
      ...rule(steepest, colours.steepest, 1.5, [5, 4]),
      ...rule(learningRate, colours.suggestion, 3, [1, 0]),
    ],
    config: { font: "DejaVu Sans, Helvetica, Arial, sans-serif", title: { anchor: "start" } },
  };
}
