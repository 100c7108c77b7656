/** The newest figures of a run, for its status. Covers only the time since the coordinator was started. */
import type { EvalLine, StepLine } from "../../telemetry/index.js";

/** Weight of the newest step in the smoothed time per step. */
const smoothing = 0.1;

export class RunFigures {
  #step: StepLine | undefined;
  #evaluation: EvalLine | undefined;
  #secondsPerStep: number | undefined;

  /** Figures of the newest published step. */
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

  /** Estimated seconds for this many steps; undefined before the first. */
  secondsOf(steps: number): number | undefined {
    return this.#secondsPerStep === undefined ? undefined : this.#secondsPerStep * steps;
  }
}
