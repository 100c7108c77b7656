/** Why a run ends before its last step, and its outcome. Independent of what is in flight or on disk. */
import type { CoxswainError } from "../../errors.js";
import type { EventOf, Outcome } from "./types.js";

export class Ending {
  #stop: EventOf<"stop"> | undefined;
  #failure: CoxswainError | undefined;
  #outcome: Outcome | undefined;

  /** Only the first request counts. */
  stop(event: EventOf<"stop">): void {
    this.#stop ??= event;
  }

  /** Only the first failure counts. */
  fail(error: CoxswainError): void {
    this.#failure ??= error;
  }

  get stopped(): boolean {
    return this.#stop !== undefined;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** The message of the failure, or else the reason of the stop request. */
  get reason(): string | undefined {
    return this.#failure?.message ?? this.#stop?.reason;
  }

  /** Undefined until the run has ended. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /**
   * Called when nothing is in flight and no write is pending.
   * @param allStepsDone if true, the run is complete even if a stop was requested
   * @param saveError why the newest step is not on disk
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
