/**
 * Decides what follows a step: an evaluation, the next step, or completion. An evaluation computes the loss of the
 * evaluation set, then answers to prompts, if there are any. Independent of workers.
 */
import type { StepNumber } from "../../ids.js";
import { stepNumber } from "../../ids.js";
import type { MachineSettings, Task } from "./types.js";

type AgendaSettings = Pick<
  MachineSettings,
  "totalSteps" | "stopAfter" | "evalSteps" | "evaluationShards" | "generationShards" | "evaluated"
>;

export class Agenda {
  readonly #settings: AgendaSettings;
  /** The newest step that was evaluated in this incarnation of the coordinator. */
  #evaluated: StepNumber | undefined;
  /** The newest step whose evaluation loss is computed. */
  #measured: StepNumber | undefined;
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
   * @returns undefined when the run is complete, or is to stop here
   */
  next(committed: StepNumber, patienceIsLost = false): Task | undefined {
    if (this.evaluationDue(committed)) {
      const needsLoss = this.#settings.evaluationShards > 0 && this.#measured !== committed;
      return needsLoss ? "evaluate" : "generate";
    }
    return patienceIsLost || this.allStepsDone(committed) || this.#isToStop(committed) ? undefined : "train";
  }

  /**
   * The evaluation loss of the step is computed.
   * @returns whether that completes the evaluation: no prompts are to be answered
   */
  measured(step: StepNumber): boolean {
    this.#measured = step;
    return (this.#settings.generationShards ?? 0) === 0;
  }

  evaluated(step: StepNumber): void {
    this.#evaluated = step;
  }

  /** The step is to be evaluated, and has not been. */
  evaluationDue(step: StepNumber): boolean {
    const { evalSteps, evaluated } = this.#settings;
    const onRecord = step === this.#evaluated || (step <= this.#resumed && evaluated(step));
    if (!this.#evaluates || step === 0 || onRecord) return false;
    const isLast = this.allStepsDone(step) || step === this.#settings.stopAfter;
    return isLast || (evalSteps !== null && step % evalSteps === 0);
  }

  /** Every evaluation between the steps that is due is on record. */
  allRecorded(after: StepNumber, before: StepNumber): boolean {
    const { evalSteps, evaluated } = this.#settings;
    if (!this.#evaluates || evalSteps === null) return true;
    for (let step = after + evalSteps - (after % evalSteps); step < before; step += evalSteps)
      if (!evaluated(stepNumber(step))) return false;
    return true;
  }

  #isToStop(committed: StepNumber): boolean {
    return committed >= (this.#settings.stopAfter ?? Infinity);
  }

  get #evaluates(): boolean {
    const { evaluationShards, generationShards = 0 } = this.#settings;
    return evaluationShards + generationShards > 0;
  }
}
