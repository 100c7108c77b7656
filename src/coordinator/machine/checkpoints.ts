/**
 * Which steps are to be saved: every so many, the last one, whatever people ask for, and what is not safe at the end. Knows
 * which are safe on disk, which are being written, and who waits; not how anything is written.
 */
import type { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import type { Effect, EventOf, MachineSettings } from "./types.js";

type SavingSettings = Pick<MachineSettings, "saveSteps" | "totalSteps">;

export class Checkpoints {
  readonly #settings: SavingSettings;
  /** The newest step that is safe on disk. */
  #saved: StepNumber | undefined;
  readonly #underWay = new Set<StepNumber>();
  #failed: EventOf<"saveFailed"> | undefined;
  #asked = false;

  /** @param saved the step that the run goes on from, where that is on disk */
  constructor(settings: SavingSettings, saved: StepNumber | undefined) {
    this.#settings = settings;
    this.#saved = saved;
  }

  /** Something is being written. */
  get busy(): boolean {
    return this.#underWay.size > 0;
  }

  /** Somebody wants a checkpoint. */
  get asked(): boolean {
    return this.#asked;
  }

  /** The run is at a step that it was not at before. */
  reached(step: StepNumber): Effect[] {
    const { saveSteps, totalSteps } = this.#settings;
    return step % saveSteps === 0 || step >= totalSteps ? this.#save(step) : [];
  }

  ask(): void {
    this.#asked = true;
  }

  /** Gives everyone who asked so far the checkpoint of this step. */
  answer(step: StepNumber): Effect[] {
    this.#asked = false;
    const there = this.#saved === step || this.#underWay.has(step);
    return [...(there ? [] : this.#save(step)), { type: "checkpoint", step }];
  }

  /** Before the end: saves this step where it is not safe, unless that was tried and failed. */
  secure(step: StepNumber): Effect[] {
    if (step === 0 || this.#saved === step || this.errorOf(step) !== undefined) return [];
    return this.#save(step);
  }

  saved({ step }: EventOf<"saved">): void {
    this.#underWay.delete(step);
    this.#saved = step;
    // Somebody asked for it again, and this time there was room.
    if (this.#failed?.step === step) this.#failed = undefined;
  }

  failed(event: EventOf<"saveFailed">): Effect[] {
    const { step, error } = event;
    this.#underWay.delete(step);
    this.#failed = event;
    return [{ type: "saveFailed", step, error }];
  }

  /** Why a step could not be saved, where it was the last one that could not. */
  errorOf(step: StepNumber): CoxswainError | undefined {
    return this.#failed?.step === step ? this.#failed.error : undefined;
  }

  #save(step: StepNumber): Effect[] {
    this.#underWay.add(step);
    return [{ type: "save", step, final: step >= this.#settings.totalSteps }];
  }
}
