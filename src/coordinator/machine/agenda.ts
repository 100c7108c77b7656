/** What a run does after a step: evaluates, takes the next step, or is complete. Knows of no workers, and nothing in flight. */
import type { StepNumber } from "../../ids.js";
import type { MachineSettings, Task } from "./types.js";

type AgendaSettings = Pick<MachineSettings, "totalSteps" | "evalSteps" | "evaluationShards" | "evaluated">;

export class Agenda {
  readonly #settings: AgendaSettings;
  /** The newest step after which an evaluation was made. */
  #evaluated: StepNumber | undefined;
  /** The record holds evaluations up to this step: those of later ones were dropped from it with their steps. */
  #resumed: StepNumber;

  /** @param start the step that the run goes on from */
  constructor(settings: AgendaSettings, start: StepNumber) {
    this.#settings = settings;
    this.#resumed = start;
  }

  /** The run goes on from another step than was thought: a worker has its state. */
  resume(step: StepNumber): void {
    this.#resumed = step;
  }

  /** The run's last step is done, though perhaps not evaluated. */
  allStepsDone(committed: StepNumber): boolean {
    return committed >= this.#settings.totalSteps;
  }

  /** @returns undefined when the run is complete */
  next(committed: StepNumber): Task | undefined {
    if (this.#evaluationDue(committed)) return "evaluate";
    return this.allStepsDone(committed) ? undefined : "train";
  }

  evaluated(step: StepNumber): void {
    this.#evaluated = step;
  }

  #evaluationDue(step: StepNumber): boolean {
    const { evalSteps, evaluationShards, evaluated } = this.#settings;
    const onRecord = step === this.#evaluated || (step <= this.#resumed && evaluated(step));
    if (evaluationShards === 0 || step === 0 || onRecord) return false;
    return this.allStepsDone(step) || (evalSteps !== null && step % evalSteps === 0);
  }
}
