/** Draws the curve of a range test with plain characters, 80 columns wide. Pure. */
import { shortRate, type CurvePoint, type Ramp } from "../../tune/index.js";

export interface Marks {
  /** The suggested rate. */
  readonly suggested: number | undefined;
  readonly steepest: number | undefined;
}

const width = 80;
const height = 16;
/** Columns of the labels on the left, with the axis. */
const margin = 9;
const plotted = width - margin - 1;
/** What exceeds this many times the first loss is drawn at the upper edge: a diverged loss would flatten the rest. */
const ceiling = 1.25;

/** "*" is the smoothed loss, "." that of single steps. */
export function drawCurve(points: readonly CurvePoint[], ramp: Ramp, marks: Marks): string {
  const [first] = points;
  if (first === undefined) return "";
  const losses = points.map(({ smoothedLoss }) => smoothedLoss);
  const bottom = Math.min(...losses, ...points.map(({ loss }) => loss));
  const top = Math.max(Math.min(Math.max(...losses), ceiling * first.smoothedLoss), bottom + 1e-6);
  const columnOf = (rate: number): number =>
    Math.round((Math.log(rate / ramp.from) / Math.log(ramp.to / ramp.from)) * (plotted - 1));
  const rowOf = (loss: number): number =>
    Math.round((Math.min(1, Math.max(0, (top - loss) / (top - bottom))) || 0) * (height - 1));
  const cells = Array.from({ length: height }, () => Array.from({ length: plotted }, () => " "));
  const put = (rate: number, loss: number, sign: string): void => {
    const row = cells[rowOf(loss)];
    if (row !== undefined) row[columnOf(rate)] = sign;
  };
  for (const { learningRate, loss } of points) put(learningRate, loss, ".");
  for (const { learningRate, smoothedLoss } of points) put(learningRate, smoothedLoss, "*");
  const rows = cells.map((row, index) => {
    const value = top - ((top - bottom) * index) / (height - 1);
    const label = index % 5 === 0 ? lossLabel(value) : "";
    return `${label.padStart(margin - 2)} |${row.join("")}`.trimEnd();
  });
  const { ticks, labels } = axis(ramp, columnOf);
  const lines = ["loss   (* smoothed, . single steps)", ...rows, ticks, labels];
  const marked = markLine(marks, columnOf);
  return `${[...lines, ...(marked === "" ? [] : [marked])].join("\n")}\n`;
}

const lossLabel = (loss: number): string => {
  const text = loss.toFixed(loss < 10 ? 3 : 1);
  return text.length <= margin - 2 ? text : loss.toExponential(1);
};

/** A tick and a label at every power of ten; at the ends if there is none in between. */
function axis({ from, to }: Ramp, columnOf: (rate: number) => number): { ticks: string; labels: string } {
  const lowest = Math.ceil(Math.log10(from) - 1e-9);
  const highest = Math.floor(Math.log10(to) + 1e-9);
  const powers = Array.from({ length: Math.max(0, highest - lowest + 1) }, (_, index) => lowest + index);
  const rates =
    powers.length < 2
      ? [from, to].map((rate) => ({ rate, text: shortRate(rate) }))
      : powers.map((power) => ({ rate: 10 ** power, text: `1e${power}` }));
  const line = Array.from({ length: plotted }, () => "-");
  const labels = Array.from({ length: plotted }, () => " ");
  let free = 0;
  for (const { rate, text } of rates) {
    const column = Math.min(plotted - 1, Math.max(0, columnOf(rate)));
    line[column] = "+";
    const start = Math.min(plotted - text.length, Math.max(0, column - Math.floor(text.length / 2)));
    if (start < free) continue;
    Array.from(text).forEach((character, index) => (labels[start + index] = character));
    free = start + text.length + 1;
  }
  const indent = " ".repeat(margin - 1);
  return { ticks: `${indent}+${line.join("")}`, labels: `${indent} ${labels.join("")}`.trimEnd() };
}

/** "^" below the suggested rate, "s" below the steepest fall. */
function markLine({ suggested, steepest }: Marks, columnOf: (rate: number) => number): string {
  const line = Array.from({ length: plotted }, () => " ");
  if (steepest !== undefined) line[columnOf(steepest)] = "s";
  const column = suggested === undefined ? -1 : columnOf(suggested);
  if (column >= 0 && column < plotted) line[column] = "^";
  const text = line.join("").trimEnd();
  return text === "" ? "" : `${" ".repeat(margin)}${text}`;
}
