/** The losses of a run from the text of its `metrics.jsonl`, given in pieces. Knows no files. */
import { metricsLine } from "./line.js";
import type { Curve, CurvePoint } from "./read.js";

export interface Losses {
  /** Nats per supervised token; steps ascend. */
  readonly training: Curve;
  readonly evaluation: Curve;
}

/** Longer lines are not a run's. */
const longestLine = 64 * 1024;

export class LossReader {
  readonly #training: CurvePoint[] = [];
  readonly #evaluation: CurvePoint[] = [];
  #rest = "";
  /** The end of a line that is too long has not come yet. */
  #isSkipping = false;

  /** Lines that are complete count; others are kept until their end comes. */
  add(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!this.#isSkipping) this.#line(line);
      this.#isSkipping = false;
    }
    if (this.#rest.length <= longestLine) return;
    this.#rest = "";
    this.#isSkipping = true;
  }

  get losses(): Losses {
    return { training: this.#training, evaluation: this.#evaluation };
  }

  #line(text: string): void {
    const line = metricsLine(text);
    if (line === undefined) return;
    const { step, figures } = line;
    const isEvaluation = "eval_loss" in figures;
    const value = figures[isEvaluation ? "eval_loss" : "loss"];
    const point = { step, value: typeof value === "number" && Number.isFinite(value) ? value : null };
    if (isEvaluation) {
      dropFrom(this.#evaluation, step);
      this.#evaluation.push(point);
    } else {
      // The run went back: what it had recorded from here on was lost.
      if (dropFrom(this.#training, step) > 0) dropFrom(this.#evaluation, step);
      this.#training.push(point);
    }
  }
}

/** @returns how many points were dropped */
function dropFrom(points: CurvePoint[], step: number): number {
  const before = points.length;
  while ((points.at(-1)?.step ?? -1) >= step) points.pop();
  return before - points.length;
}
