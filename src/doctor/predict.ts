/** Predicts a run's needs from a few short computations. Pure. */
import { operationsOf, type ModelSize } from "./plan.js";

export interface Needs {
  /** Peak resident memory of a worker process, bytes. */
  readonly peakBytes: number;
  /** Seconds per shard, wall clock. */
  readonly seconds: number;
}

/** What was measured with so many layers, for each number of rows. */
export interface Measured {
  readonly layers: number;
  readonly steps: readonly Needs[];
}

export interface Prediction extends Needs {
  /** micro_batch_size */
  readonly rows: number;
}

/**
 * @param measured with the whole model, or with two shortened ones, the shorter first
 * @param probed numbers of rows that were measured, ascending, two or more
 * @param rows to predict for
 */
export function predict(
  measured: readonly Measured[],
  probed: readonly number[],
  model: ModelSize,
  rows: readonly number[],
): Prediction[] {
  const points = probed.map((_, index) => ofWholeModel(measured, index, model));
  const at = (count: number, pick: (needs: Needs) => number): number =>
    Math.max(0, alongRows(probed, points.map(pick), count));
  return rows.map((count) => ({
    rows: count,
    peakBytes: at(count, ({ peakBytes }) => peakBytes),
    seconds: at(count, ({ seconds }) => seconds),
  }));
}

/** Memory lies on the line through two depths. Time is in proportion to the work, which is known: it is noisier. */
function ofWholeModel(measured: readonly Measured[], index: number, model: ModelSize): Needs {
  const last = measured.at(-1);
  const long = last?.steps[index];
  if (last === undefined || long === undefined) return { peakBytes: Number.NaN, seconds: Number.NaN };
  const seconds = (long.seconds * operationsOf(model, model.layers, 1)) / operationsOf(model, last.layers, 1);
  const [first] = measured;
  const short = first?.steps[index];
  if (first === last || first === undefined || short === undefined) return { peakBytes: long.peakBytes, seconds };
  const peakBytes = line([first.layers, short.peakBytes], [last.layers, long.peakBytes], model.layers);
  return { peakBytes, seconds };
}

/** Between two points a line, beyond the last the line through the last two. */
function alongRows(x: readonly number[], y: readonly number[], at: number): number {
  const point = (index: number): Point => [x[index] ?? Number.NaN, y[index] ?? Number.NaN];
  const after = x.findIndex((each) => each >= at);
  const right = Math.max(1, after === -1 ? x.length - 1 : after);
  return line(point(right - 1), point(right), at);
}

type Point = readonly [x: number, y: number];

/** The line through two points at `at`. */
const line = ([x0, y0]: Point, [x1, y1]: Point, at: number): number => y0 + ((y1 - y0) * (at - x0)) / (x1 - x0);
