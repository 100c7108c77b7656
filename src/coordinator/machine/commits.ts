/**
 * The committed steps: the newest one, the state hashes of the latest ones, and whether a worker's replica has the
 * newest. Independent of how a step is computed and of what is on disk.
 */
import type { StepNumber } from "../../ids.js";
import { stepNumber } from "../../ids.js";
import type { HeldReplica } from "./types.js";

/** Number of steps whose state hashes are kept for workers that report late. */
const hashesKept = 16;

export class Commits {
  #newest: StepNumber;
  /** The newest step that is known to be in a replica or in the start state. */
  #replicated: StepNumber;
  readonly #hashes = new Map<StepNumber, string>();

  /** @param start the state to resume from: step 0 or a checkpoint */
  constructor(start: HeldReplica) {
    this.#newest = start.step;
    this.#replicated = start.step;
    this.#hashes.set(start.step, start.hash);
  }

  get newest(): StepNumber {
    return this.#newest;
  }

  /** The newest step survives a failure of the coordinator. */
  get replicated(): boolean {
    return this.#replicated === this.#newest;
  }

  commit({ step, hash }: HeldReplica): void {
    this.#newest = step;
    this.#hashes.set(step, hash);
    this.#hashes.delete(stepNumber(step - hashesKept));
  }

  /** Resumes from a worker's replica of an earlier incarnation of the coordinator. */
  adopt({ step, hash }: HeldReplica): void {
    this.#newest = step;
    this.#replicated = step;
    this.#hashes.set(step, hash);
  }

  isNewest(held: HeldReplica | undefined): boolean {
    return held?.step === this.#newest && held.hash === this.#hashes.get(held.step);
  }

  /** Compares a worker's replica with the state after its step; unknown: the hash of that step is no longer kept. */
  compare({ step, hash }: HeldReplica): "equal" | "different" | "unknown" {
    const expected = this.#hashes.get(step);
    if (expected === undefined && step <= this.#newest) return "unknown";
    return expected === hash ? "equal" : "different";
  }

  /** Records that a worker has applied the newest step. @returns whether it is the first worker to do so */
  replicate(): boolean {
    const first = !this.replicated;
    this.#replicated = this.#newest;
    return first;
  }
}
