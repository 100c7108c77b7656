/** What a run does after a step: evaluates, takes the next step, or is complete. Knows of no workers, and nothing in flight. */
import type { StepNumber } from "../../ids.js";
import type { MachineSettings, Task } from "./types.js";

type AgendaSettings = Pick<MachineSettings, "totalSteps" | "evalSteps" | "evaluationShards" | "evaluated">;

export class Agenda {
  readonly #settings: AgendaSettings;
  /** The newest step after which an evaluation was made. */
  #evaluated: StepNumber | undefined;

  constructor(settings: AgendaSettings) {
    this.#settings = settings;
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
    if (evaluationShards === 0 || step === 0 || step === this.#evaluated || evaluated(step)) return false;
    return this.allStepsDone(step) || (evalSteps !== null && step % evalSteps === 0);
  }
}
