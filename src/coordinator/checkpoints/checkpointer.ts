/** Writes a run's checkpoints one after another, while training continues, and resolves the requests for one. */
import { detach } from "../../async/index.js";
import type { Clock } from "../../clock.js";
import { CoxswainError, messageOf } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import type { ReplicaState } from "../../optim/index.js";
import type { BestState } from "../machine/index.js";

/** A checkpoint that is complete on disk. */
export interface SavedCheckpoint {
  readonly step: StepNumber;
  /** Its folder. */
  readonly path: string;
  /** When it was, ms since 1970. */
  readonly time: number;
}

export interface CheckpointerOptions {
  /** The checkpoint that the run continues from. */
  readonly newest: SavedCheckpoint | undefined;
  /** Writes a state that no longer changes; returns its path. */
  readonly write: (state: ReplicaState, best: BestState | undefined) => Promise<string>;
  /** Called before pending requests are resolved. */
  readonly onSaved: (saved: SavedCheckpoint, seconds: number) => void;
  readonly onFailed: (step: StepNumber, error: CoxswainError) => void;
  readonly clock: Pick<Clock, "now" | "wallClock">;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #newest: SavedCheckpoint | undefined;
  #last: Promise<unknown> = Promise.resolve();
  readonly #underWay = new Map<StepNumber, Promise<SavedCheckpoint>>();
  /** Requests for a checkpoint whose step is not yet decided. */
  readonly #askers: ((saved: Promise<SavedCheckpoint>) => void)[] = [];

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#newest = options.newest;
  }

  get newest(): SavedCheckpoint | undefined {
    return this.#newest;
  }

  /** Starts when the earlier ones have been written. */
  write(state: ReplicaState, best?: BestState): void {
    const saved = this.#last.then(() => this.#write(state, best));
    this.#underWay.set(state.step, saved);
    const over = (): void => {
      if (this.#underWay.get(state.step) === saved) this.#underWay.delete(state.step);
    };
    this.#last = saved.then(over, over);
  }

  /**
   * The checkpoint of a step that is saved, or being saved. Rejects with a CoxswainError "storage" if it cannot be
   * written.
   */
  of(step: StepNumber): Promise<SavedCheckpoint> {
    const underWay = this.#underWay.get(step);
    if (underWay !== undefined) return underWay;
    if (this.#newest?.step === step) return Promise.resolve(this.#newest);
    return Promise.reject(new CoxswainError("bug", `step ${step} is not being saved`));
  }

  /** The next checkpoint. Rejects as `of` does, and with "cluster" if the run ends without another one. */
  next(): Promise<SavedCheckpoint> {
    return new Promise<SavedCheckpoint>((resolve) => this.#askers.push(resolve));
  }

  /** Resolves all pending requests with the checkpoint of this step. */
  give(step: StepNumber): void {
    this.#answer(this.of(step));
  }

  close(): void {
    this.#answer(Promise.reject(new CoxswainError("cluster", "the coordinator ended before the checkpoint")));
  }

  #answer(saved: Promise<SavedCheckpoint>): void {
    // Also without pending requests.
    detach(saved, () => undefined);
    for (const answer of this.#askers.splice(0)) answer(saved);
  }

  async #write(state: ReplicaState, best: BestState | undefined): Promise<SavedCheckpoint> {
    const { write, clock, onSaved, onFailed } = this.#options;
    const start = clock.now();
    try {
      const path = await write(state, best);
      const saved = { step: state.step, path, time: clock.wallClock() };
      this.#newest = saved;
      onSaved(saved, (clock.now() - start) / 1000);
      return saved;
    } catch (error) {
      const failure =
        error instanceof CoxswainError
          ? error
          : new CoxswainError("storage", `the checkpoint of step ${state.step} failed: ${messageOf(error)}`, {
              cause: error,
            });
      onFailed(state.step, failure);
      throw failure;
    }
  }
}
