/** The newest figures of a run, for those who ask how it is doing. Nothing of an earlier life of its coordinator. */
import type { EvalLine, StepLine } from "../../telemetry/index.js";

/** How much the newest step counts in the time of a step. */
const smoothing = 0.1;

export class RunFigures {
  #step: StepLine | undefined;
  #evaluation: EvalLine | undefined;
  #secondsPerStep: number | undefined;

  /** Of the newest step that was told to the world. */
  get step(): StepLine | undefined {
    return this.#step;
  }

  get evaluation(): EvalLine | undefined {
    return this.#evaluation;
  }

  /** Smoothed; undefined before the first step. */
  get secondsPerStep(): number | undefined {
    return this.#secondsPerStep;
  }

  committed(line: StepLine): void {
    const before = this.#secondsPerStep ?? line.step_seconds;
    this.#secondsPerStep = before + smoothing * (line.step_seconds - before);
    this.#step = line;
  }

  evaluated(line: EvalLine): void {
    this.#evaluation = line;
  }

  /** Seconds that so many steps will take; undefined before the first. */
  secondsOf(steps: number): number | undefined {
    return this.#secondsPerStep === undefined ? undefined : this.#secondsPerStep * steps;
  }
}
