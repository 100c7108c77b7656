/**
 * The steps that are final: which is the newest, which state the last ones led to, and whether the newest is in a worker's
 * replica, too. Knows neither how a step comes about nor what is on disk.
 */
import type { StepNumber } from "../../ids.js";
import { stepNumber } from "../../ids.js";
import type { HeldReplica } from "./types.js";

/** State hashes kept for workers that report late, in steps. */
const hashesKept = 16;

export class Commits {
  #newest: StepNumber;
  /** The newest step that a worker has applied, or had before. */
  #replicated: StepNumber;
  readonly #hashes = new Map<StepNumber, string>();

  /** @param start the state to go on from: step 0, or a checkpoint's */
  constructor(start: HeldReplica) {
    this.#newest = start.step;
    this.#replicated = start.step;
    this.#hashes.set(start.step, start.hash);
  }

  get newest(): StepNumber {
    return this.#newest;
  }

  /** The newest step outlives the coordinator. */
  get replicated(): boolean {
    return this.#replicated === this.#newest;
  }

  commit({ step, hash }: HeldReplica): void {
    this.#newest = step;
    this.#hashes.set(step, hash);
    this.#hashes.delete(stepNumber(step - hashesKept));
  }

  /** Goes on from what a worker had of an earlier life of the coordinator. */
  adopt({ step, hash }: HeldReplica): void {
    this.#newest = step;
    this.#replicated = step;
    this.#hashes.set(step, hash);
  }

  isNewest(held: HeldReplica | undefined): boolean {
    return held?.step === this.#newest && held.hash === this.#hashes.get(held.step);
  }

  /** How what a worker has compares with the state that the step led to; unknown: too old to be remembered. */
  compare({ step, hash }: HeldReplica): "equal" | "different" | "unknown" {
    const expected = this.#hashes.get(step);
    if (expected === undefined && step <= this.#newest) return "unknown";
    return expected === hash ? "equal" : "different";
  }

  /** A worker has applied the newest step. @returns whether it is the first */
  replicate(): boolean {
    const first = !this.replicated;
    this.#replicated = this.#newest;
    return first;
  }
}
