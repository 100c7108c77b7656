/** Decides what follows a step: an evaluation, the next step, or completion. Independent of workers. */
import type { StepNumber } from "../../ids.js";
import { stepNumber } from "../../ids.js";
import type { MachineSettings, Task } from "./types.js";

type AgendaSettings = Pick<MachineSettings, "totalSteps" | "evalSteps" | "evaluationShards" | "evaluated">;

export class Agenda {
  readonly #settings: AgendaSettings;
  /** The newest step that was evaluated in this incarnation of the coordinator. */
  #evaluated: StepNumber | undefined;
  /** The run's record holds evaluations up to this step; later steps were dropped from it with their evaluations. */
  #resumed: StepNumber;

  /** @param start the step that the run resumes from */
  constructor(settings: AgendaSettings, start: StepNumber) {
    this.#settings = settings;
    this.#resumed = start;
  }

  /** The run resumes from a different step, whose state was recovered from a worker. */
  resume(step: StepNumber): void {
    this.#resumed = step;
  }

  /** The run's last step is committed, but possibly not evaluated. */
  allStepsDone(committed: StepNumber): boolean {
    return committed >= this.#settings.totalSteps;
  }

  /**
   * @param patienceIsLost training stops early
   * @returns undefined when the run is complete
   */
  next(committed: StepNumber, patienceIsLost = false): Task | undefined {
    if (this.evaluationDue(committed)) return "evaluate";
    return patienceIsLost || this.allStepsDone(committed) ? undefined : "train";
  }

  evaluated(step: StepNumber): void {
    this.#evaluated = step;
  }

  /** The step is to be evaluated, and has not been. */
  evaluationDue(step: StepNumber): boolean {
    const { evalSteps, evaluationShards, evaluated } = this.#settings;
    const onRecord = step === this.#evaluated || (step <= this.#resumed && evaluated(step));
    if (evaluationShards === 0 || step === 0 || onRecord) return false;
    return this.allStepsDone(step) || (evalSteps !== null && step % evalSteps === 0);
  }

  /** Every evaluation between the steps that is due is on record. */
  allRecorded(after: StepNumber, before: StepNumber): boolean {
    const { evalSteps, evaluationShards, evaluated } = this.#settings;
    if (evaluationShards === 0 || evalSteps === null) return true;
    for (let step = after + evalSteps - (after % evalSteps); step < before; step += evalSteps)
      if (!evaluated(stepNumber(step))) return false;
    return true;
  }
}
