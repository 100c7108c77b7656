/**
 * Decides which steps to save: every `saveSteps` steps, the last one, on request, and the newest one when the run ends.
 * Tracks which steps are saved, which are being written, and pending requests, but not how checkpoints are written.
 */
import type { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import type { BestState } from "./best.js";
import type { Effect, EventOf, MachineSettings } from "./types.js";

type SavingSettings = Pick<MachineSettings, "saveSteps" | "totalSteps">;

export class Checkpoints {
  readonly #settings: SavingSettings;
  /** The newest step that is saved on disk. */
  #saved: StepNumber | undefined;
  readonly #underWay = new Set<StepNumber>();
  #failed: EventOf<"saveFailed"> | undefined;
  #asked = false;
  readonly #best: () => BestState | undefined;

  /**
   * @param saved the step that the run resumes from, if it is on disk
   * @param best what a checkpoint has of the evaluations so far
   */
  constructor(
    settings: SavingSettings,
    saved: StepNumber | undefined,
    best: () => BestState | undefined = () => undefined,
  ) {
    this.#settings = settings;
    this.#saved = saved;
    this.#best = best;
  }

  /** A checkpoint is being written. */
  get busy(): boolean {
    return this.#underWay.size > 0;
  }

  /** The step is being saved. */
  isUnderWay(step: StepNumber): boolean {
    return this.#underWay.has(step);
  }

  /** A checkpoint request is pending. */
  get asked(): boolean {
    return this.#asked;
  }

  /** Called when the run reaches a new step. */
  reached(step: StepNumber): Effect[] {
    const { saveSteps, totalSteps } = this.#settings;
    return step % saveSteps === 0 || step >= totalSteps ? this.#save(step) : [];
  }

  /** Called for a state that is the best so far: it is saved, whichever step it is. */
  keep(step: StepNumber): Effect[] {
    return this.#save(step);
  }

  ask(): void {
    this.#asked = true;
  }

  /** Answers all pending requests with the checkpoint of this step. */
  answer(step: StepNumber): Effect[] {
    this.#asked = false;
    const there = this.#saved === step || this.#underWay.has(step);
    return [...(there ? [] : this.#save(step)), { type: "checkpoint", step }];
  }

  /** Called before the run ends: saves this step unless it is saved already or saving it failed. */
  secure(step: StepNumber): Effect[] {
    if (step === 0 || this.#saved === step || this.errorOf(step) !== undefined) return [];
    return this.#save(step);
  }

  saved({ step }: EventOf<"saved">): void {
    this.#underWay.delete(step);
    this.#saved = step;
    // The checkpoint was requested again, and this attempt succeeded.
    if (this.#failed?.step === step) this.#failed = undefined;
  }

  failed(event: EventOf<"saveFailed">): Effect[] {
    const { step, error } = event;
    this.#underWay.delete(step);
    this.#failed = event;
    return [{ type: "saveFailed", step, error }];
  }

  /** Why a step could not be saved, if it is the step of the most recent failure. */
  errorOf(step: StepNumber): CoxswainError | undefined {
    return this.#failed?.step === step ? this.#failed.error : undefined;
  }

  #save(step: StepNumber): Effect[] {
    this.#underWay.add(step);
    const best = this.#best();
    return [{ type: "save", step, final: step >= this.#settings.totalSteps, ...(best === undefined ? {} : { best }) }];
  }
}
