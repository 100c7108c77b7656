/** Why a run ends before its last step, and how it has ended. Knows what was said, not what is in flight or on disk. */
import type { CoxswainError } from "../../errors.js";
import type { EventOf, Outcome } from "./types.js";

export class Ending {
  #stop: EventOf<"stop"> | undefined;
  #failure: CoxswainError | undefined;
  #outcome: Outcome | undefined;

  /** What comes first counts. */
  stop(event: EventOf<"stop">): void {
    this.#stop ??= event;
  }

  /** What comes first counts. */
  fail(error: CoxswainError): void {
    this.#failure ??= error;
  }

  /** It was told to stop. */
  get stopped(): boolean {
    return this.#stop !== undefined;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** What was said when it was told to stop, or the message of its failure. */
  get reason(): string | undefined {
    return this.#failure?.message ?? this.#stop?.reason;
  }

  /** Undefined while it goes on. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /**
   * Nothing is in flight, and nothing is written any more.
   * @param allStepsDone one that was told to stop too late is complete all the same
   * @param saveError why its last step is not on disk
   */
  conclude(allStepsDone: boolean, saveError: CoxswainError | undefined): Outcome {
    this.#outcome = this.#conclusion(allStepsDone, saveError);
    return this.#outcome;
  }

  #conclusion(allStepsDone: boolean, saveError: CoxswainError | undefined): Outcome {
    const error = this.#failure ?? saveError;
    if (error !== undefined) return { kind: "failed", error };
    if (allStepsDone) return { kind: "completed" };
    const { reason = "stopped", returning = false } = this.#stop ?? {};
    return { kind: "stopped", reason, returning };
  }
}
